// Fuzz target of the scanner, for libFuzzer or for driver.cpp. Any text is read as predictions and as ground truth,
// with one thread and with several, in pieces long and short: nothing may be read outside a buffer, and all ways must
// agree. What an accepted text says is held against the general readers in tests/native.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "../scan/entry.hpp"

namespace {

using namespace detbench;
using namespace detbench::scan;

void require(bool condition, const char *what) {
    if (condition) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

// NaN is equal to NaN here, and 0 differs from -0.
template <class T, class Allocator>
bool same(const std::vector<T, Allocator> &a, const std::vector<T, Allocator> &b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool same(const Strings &a, const Strings &b) { return a.text == b.text && a.ends == b.ends; }

bool same(const PredictionFile &a, const PredictionFile &b) {
    return same(a.image_id, b.image_id) && same(a.category_id, b.category_id) && same(a.xywh, b.xywh) &&
           same(a.score, b.score) && a.bytes == b.bytes;
}

bool same(const GroundTruthFile &a, const GroundTruthFile &b) {
    return same(a.image_id, b.image_id) && same(a.width_px, b.width_px) && same(a.height_px, b.height_px) &&
           same(a.file_name, b.file_name) && same(a.category_id, b.category_id) &&
           same(a.category_name, b.category_name) && same(a.annotation_id, b.annotation_id) &&
           same(a.of_image, b.of_image) && same(a.of_category, b.of_category) && same(a.xywh, b.xywh) &&
           same(a.area, b.area) && same(a.crowd, b.crowd) && same(a.ignore, b.ignore) &&
           same(a.difficult, b.difficult) && same(a.truncated, b.truncated) && same(a.occluded, b.occluded) &&
           a.bytes == b.bytes;
}

template <class File>
void require_same(const std::optional<File> &a, const std::optional<File> &b) {
    require(a.has_value() == b.has_value(), "one way accepts, another declines");
    require(!a || same(*a, *b), "two ways read different columns");
}

void add(PredictionFile &whole, const PredictionFile &block) {
    whole.image_id.insert(whole.image_id.end(), block.image_id.begin(), block.image_id.end());
    whole.category_id.insert(whole.category_id.end(), block.category_id.begin(), block.category_id.end());
    whole.xywh.insert(whole.xywh.end(), block.xywh.begin(), block.xywh.end());
    whole.score.insert(whole.score.end(), block.score.begin(), block.score.end());
}

std::optional<PredictionFile> streamed(const Source &source, std::size_t piece_bytes) {
    PredictionPieces pieces(source, {1, piece_bytes});
    PredictionFile whole, block;
    while (pieces.next(block)) {
        require(block.size() > 0, "a block is empty");
        add(whole, block);
    }
    if (pieces.unusual()) return std::nullopt;
    whole.bytes = source.size();
    return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto source = open_memory(reinterpret_cast<const char *>(data), size);
    const std::optional<PredictionFile> predictions = predictions_of(*source, {1, 1 << 16});
    const std::optional<GroundTruthFile> ground_truth = ground_truth_of(*source, {1, 1 << 16});
    // Threads are dear to start, so only some texts are read with them.
    const unsigned threads = size % 8 == 0 ? 3 : 1;
    for (const Options &options : {Options{1, 1 + size % 7}, Options{threads, 16 + size % 61}, Options{1, 200}}) {
        require_same(predictions, predictions_of(*source, options));
        require_same(ground_truth, ground_truth_of(*source, options));
    }
    require_same(predictions, streamed(*source, 1 + size % 97));
    return 0;
}
