// Who takes whom: greedy matching of one (image, category) group at a time, for every IoU threshold and every
// area range at once. A threshold in an area range is one bit of a 64-bit mask, so one walk through the
// predictions, highest score first, settles them all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "unfilled.hpp"

namespace detbench {

using Mask = std::uint64_t;

// Columns of boxes: corners x1 y1 x2 y2 (row-major), and the sizes that areas are computed from.
struct Boxes {
    const double *corners;  // [n, 4]
    const double *area;     // [n]
};

struct GroundTruthColumns {
    Boxes boxes;
    const Mask *ignored;        // [n] bits in which the ground truth need not be found
    const std::uint8_t *crowd;  // [n] 1: may be taken again, and the union is the prediction's area
    const std::uint8_t *void_;  // [n] 1: taking it does not count as found (pycocotools' annotation id 0)
};

struct PredictionColumns {
    Boxes boxes;
    const Mask *outside;  // [n] bits in which an unmatched prediction is not counted (its area is out of range)
};

struct Rules {
    const double *thresholds;  // [threshold_count], ascending
    std::size_t threshold_count;
    std::size_t area_count;  // bit of (area, threshold): area * threshold_count + threshold
    bool iou_above;          // IoU > threshold instead of IoU >= threshold
    bool inclusive;          // sides are x2 - x1 + 1
    bool best_only;          // Pascal VOC: only the ground truth of greatest IoU is looked at
};

// Rows begin..end of each side are one group; predictions are in falling order of score.
struct Group {
    std::size_t truth_begin, truth_end, prediction_begin, prediction_end;
};

// What matching says of each prediction; arrays of one a prediction.
struct Outcomes {
    Mask *found, *not_counted;
    std::int32_t *partner;
};

// Sets, for every prediction of the group, the bits in which it found a ground truth (`found`) and the bits in
// which it does not count (`not_counted`); `partner` is the ground truth's row it took at the lowest threshold in
// the first area range, counted or not, or -1.
void match_group(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
                 const Group &group, const Outcomes &outcomes);

// Groups are handed out in runs of this many, so that threads seldom meet and small groups share a run.
constexpr std::size_t groups_per_run = 256;

// match_group for every group, on several threads.
void match_groups(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
                  const UnfilledVector<Group> &groups, std::size_t threads, const Outcomes &outcomes);

double intersection_over_union(const double *a, double area_a, const double *b, double area_b, bool crowd_b,
                               bool inclusive);

}  // namespace detbench
