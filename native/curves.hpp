// Precision and recall: from matches to curves, from curves to average precision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bootstrap.hpp"
#include "matching.hpp"

namespace detbench {

// Curves are drawn at COCO's 101 recall levels, whatever average precision is computed at.
constexpr std::size_t drawn_levels = 101;

// Rows are grouped by category: category k has predictions offsets[k]..offsets[k + 1], in pycocotools' order of equal
// scores, and ground truths truth_offsets[k]..truth_offsets[k + 1].
struct CurveInput {
    const double *score;               // [predictions]
    const std::int32_t *rank;          // [predictions] 0: the highest score of its category and image
    const Mask *found, *not_counted;   // [predictions]
    const std::size_t *offsets;        // [categories + 1]
    const Mask *truth_ignored;         // [ground truths]
    const std::size_t *truth_offsets;  // [categories + 1]
    std::size_t category_count, threshold_count, area_count;
    const std::int32_t *max_dets;  // [max_dets_count] ascending; recall counts ranks below each
    std::size_t max_dets_count;
    Interpolation interpolation;
};

// T thresholds, R recall levels, K categories, A area ranges, M maxDets; NaN without ground truth to be found.
struct Curves {
    double *precision;          // [T, R, K, A]
    double *average_precision;  // [T, K, A]
    double *recall;             // [T, K, A, M]
    std::int64_t *truth_count;  // [K, A]
};

void accumulate(const CurveInput &input, const Curves &curves, std::size_t threads);

}  // namespace detbench
