// Average precision and recall of many resamples at once. A resample gives every image a weight (how often it was
// drawn); the order of the predictions does not depend on it, so one walk serves a block of resamples, one lane each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "matching.hpp"

namespace detbench {

constexpr std::size_t lanes = 16;

enum class Interpolation : int { points_101 = 0, points_11 = 1, all_points = 2 };

// Predictions and ground truths are grouped by category; predictions fall by score inside a category.
struct ResampleInput {
    const std::int32_t *image;         // [predictions]
    const std::int32_t *rank;          // [predictions] 0 is the highest score of its image and category
    const Mask *found;                 // [predictions]
    const Mask *not_counted;           // [predictions]
    const std::int64_t *offsets;       // [categories + 1]
    const std::int32_t *truth_image;   // [ground truths]
    const Mask *truth_ignored;         // [ground truths]
    const std::int64_t *truth_offsets; // [categories + 1]
    std::size_t category_count;
    std::size_t bit_count;
    const double *levels;  // [level_count] recall levels, ascending; empty for all-point
    std::size_t level_count;
    Interpolation interpolation;
    const std::int32_t *max_dets;  // [max_dets_count] recall counts the predictions of a rank below each
    std::size_t max_dets_count;
};

// weight: [images, lanes] uint8. average_precision: [categories, bits, lanes]; recall: [categories, bits,
// max_dets_count, lanes]; NaN without ground truth.
void resample(const ResampleInput &input, const std::uint8_t *weight, double *average_precision, double *recall);

}  // namespace detbench
