// Reading COCO's JSON straight into columns.
//
// Whatever is accepted equals, to the last bit, what the general readers (detbench/data/predictions/coco_results.py,
// detbench/data/formats/coco_json.py and coco_tables.py) make of the file without a finding. Whatever is not plainly
// that is declined with nullopt, and the caller takes the general reader, whose errors name the record.
//
// A file is read in pieces of a few hundred kilobytes, so that memory is the columns and little more, and never
// mapped, so that a file that is cut meanwhile is an unusual file and not a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "../columns.hpp"

namespace detbench {

// How long a piece is. Records that straddle the border of two are completed by reading on.
inline constexpr std::size_t default_piece_bytes = std::size_t{1} << 19;

// A list of results. None throws anything but std::bad_alloc.
std::optional<PredictionFile> scan_predictions(const char *path, unsigned threads,
                                               std::size_t piece_bytes = default_piece_bytes);

// A whole annotation file. Its columns are checked: ids are unique, and every annotation is on an image and of a
// category that is there.
std::optional<GroundTruthFile> scan_ground_truth(const char *path, unsigned threads,
                                                 std::size_t piece_bytes = default_piece_bytes);

// A list of results block by block, at the caller's pace.
class PredictionStream {
  public:
    explicit PredictionStream(const char *path, std::size_t piece_bytes = default_piece_bytes);
    ~PredictionStream();
    PredictionStream(PredictionStream &&) noexcept;
    PredictionStream &operator=(PredictionStream &&) noexcept;

    // Replaces the block by the next one, which is not empty. False at the end, or once the file proves unusual.
    bool next(PredictionFile &block);
    // Whether the file is one for the general reader; blocks that were handed over already are then void.
    bool unusual() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace detbench
