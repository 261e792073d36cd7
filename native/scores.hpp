// From the columns of two files to the numbers of a protocol, without Python: join, order, match, accumulate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bootstrap.hpp"
#include "columns.hpp"
#include "join.hpp"
#include "matching.hpp"
#include "order.hpp"

namespace detbench {

// Square pixels, both ends included.
struct AreaRange {
    double low, high;
};

struct Scoring {
    std::vector<double> thresholds;  // ascending
    std::vector<AreaRange> areas;
    std::vector<std::int32_t> max_dets;  // ascending; no limit: the largest int32
    Interpolation interpolation;
    bool best_only, iou_above, inclusive;
    bool ignore_difficult, ignore_marked, id_zero_is_unmatched;
};

// Ground truth in the order of matching.
struct OrderedTruth {
    UnfilledVector<double> corners, area;  // [G, 4], [G]
    UnfilledVector<Mask> ignored;
    UnfilledVector<std::uint8_t> crowd, void_;

    GroundTruthColumns columns() const {
        return {{corners.data(), area.data()}, ignored.data(), crowd.data(), void_.data()};
    }
};

// Everything that scoring found; tables that only reports want are made of it when they are asked for.
struct Scores {
    Scoring scoring;
    GroundTruthFile truth_file;       // without the annotations' ids of image and category
    PredictionFile prediction_file;   // without ids
    Joined joined;
    Task task;
    OrderedTruth truth;
    UnfilledVector<Mask> found, not_counted;  // [N] in the order of `task`, as the next
    UnfilledVector<std::int32_t> partner;
    UnfilledVector<double> precision, average_precision, recall;  // as in Curves
    UnfilledVector<std::int64_t> truth_count;

    Sizes sizes() const { return {joined.category_row.size(), joined.image_row.size()}; }

    // Means over the categories and a range of thresholds, in one area range; nothing where none is defined. From
    // the curves where the protocol has 101 points, as pycocotools: a mean of means has other last bits.
    std::optional<double> mean_precision(std::size_t first, std::size_t last, std::size_t area) const;
    std::optional<double> mean_recall(std::size_t first, std::size_t last, std::size_t area,
                                      std::size_t max_dets) const;
};

// The box of a row of x, y, width, height as corners.
inline void to_corners(const double *xywh, double *corners) {
    corners[0] = xywh[0];
    corners[1] = xywh[1];
    corners[2] = xywh[0] + xywh[2];
    corners[3] = xywh[1] + xywh[3];
}

// The area that IoUs are computed with; with `inclusive`, both border pixels count.
inline double area_of(const double *xywh, bool inclusive) {
    const double border = inclusive ? 1.0 : 0.0;
    return (xywh[2] + border) * (xywh[3] + border);
}

// Bits of the area ranges that a box of this area is not in.
Mask out_of_range(double area, const Scoring &scoring);

// Nothing where an annotation or a prediction is on an image or of a category that is not there.
std::unique_ptr<Scores> score(GroundTruthFile truth, PredictionFile predictions, const Scoring &scoring,
                              std::size_t threads);

// Nothing where a file is not plainly what it should be: the general readers take it, or say what is wrong with it.
std::unique_ptr<Scores> score_files(const char *truth_path, const char *predictions_path, const Scoring &scoring,
                                    std::size_t threads);

}  // namespace detbench
