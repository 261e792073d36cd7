// What scan.hpp offers for a file's path, for any source.
#pragma once

#include <functional>
#include <optional>

#include "../columns.hpp"
#include "lists.hpp"
#include "source.hpp"

namespace detbench::scan {

// Throw only std::bad_alloc and what the sink throws.
std::optional<PredictionFile> predictions_of(const Source &source, const Options &options);
bool prediction_blocks_of(const Source &source, const Options &options,
                          const std::function<bool(PredictionFile &)> &sink);
std::optional<GroundTruthFile> ground_truth_of(const Source &source, const Options &options);

// See PredictionStream.
class PredictionPieces {
  public:
    PredictionPieces(const Source &source, const Options &options);
    ~PredictionPieces();
    bool next(PredictionFile &block);
    bool unusual() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace detbench::scan
