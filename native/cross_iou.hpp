// Which predictions and ground truths of an image overlap, whatever their categories.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "matching.hpp"

namespace detbench {

// Rows of a table of boxes in the order of images: image i has row[offsets[i]] to row[offsets[i + 1] - 1].
struct BoxesByImage {
    Boxes boxes;
    const std::int32_t *row;
    const std::int64_t *offsets;  // [images + 1]
};

// One entry a pair, the columns of the same length.
struct Pairs {
    std::vector<std::int32_t> prediction, truth;
    std::vector<double> iou;
};

// Adds the pairs of images first..last - 1 whose IoU is `at_least` or more, by image, prediction, ground truth.
void find_overlaps(const BoxesByImage &truth, const BoxesByImage &predictions, std::size_t first, std::size_t last,
                   double at_least, bool inclusive, Pairs &pairs);

}  // namespace detbench
