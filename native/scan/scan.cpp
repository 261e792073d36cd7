#include "scan.hpp"

#include <algorithm>
#include <utility>

#include "entry.hpp"

namespace detbench {
namespace {

scan::Options options_of(unsigned threads, std::size_t piece_bytes) {
    constexpr unsigned most_threads = 64;
    constexpr std::size_t longest_piece = std::size_t{1} << 26;
    return {std::clamp(threads, 1u, most_threads), std::clamp(piece_bytes, std::size_t{1}, longest_piece)};
}

}  // namespace

std::optional<PredictionFile> scan_predictions(const char *path, unsigned threads, std::size_t piece_bytes) {
    const auto source = scan::open_file(path);
    return source ? scan::predictions_of(*source, options_of(threads, piece_bytes)) : std::nullopt;
}

std::optional<GroundTruthFile> scan_ground_truth(const char *path, unsigned threads, std::size_t piece_bytes) {
    const auto source = scan::open_file(path);
    return source ? scan::ground_truth_of(*source, options_of(threads, piece_bytes)) : std::nullopt;
}

struct PredictionStream::State {
    std::unique_ptr<scan::Source> source;
    scan::PredictionPieces pieces;

    State(std::unique_ptr<scan::Source> of, const scan::Options &options)
        : source(std::move(of)), pieces(*source, options) {}
};

PredictionStream::PredictionStream(const char *path, std::size_t piece_bytes) {
    if (auto source = scan::open_file(path))
        state_ = std::make_unique<State>(std::move(source), options_of(1, piece_bytes));
}
PredictionStream::~PredictionStream() = default;
PredictionStream::PredictionStream(PredictionStream &&) noexcept = default;
PredictionStream &PredictionStream::operator=(PredictionStream &&) noexcept = default;

bool PredictionStream::next(PredictionFile &block) { return state_ && state_->pieces.next(block); }
bool PredictionStream::unusual() const { return !state_ || state_->pieces.unusual(); }

}  // namespace detbench
