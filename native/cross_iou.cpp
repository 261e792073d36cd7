#include "cross_iou.hpp"

namespace detbench {

void find_overlaps(const BoxesByImage &truth, const BoxesByImage &predictions, std::size_t first, std::size_t last,
                   double at_least, bool inclusive, Pairs &pairs) {
    for (std::size_t image = first; image < last; ++image)
        for (std::int64_t p = predictions.offsets[image]; p < predictions.offsets[image + 1]; ++p) {
            const std::int32_t row = predictions.row[p];
            const double *box = predictions.boxes.corners + 4 * static_cast<std::size_t>(row);
            const double area = predictions.boxes.area[row];
            for (std::int64_t g = truth.offsets[image]; g < truth.offsets[image + 1]; ++g) {
                const std::int32_t truth_row = truth.row[g];
                const double iou = intersection_over_union(
                    box, area, truth.boxes.corners + 4 * static_cast<std::size_t>(truth_row),
                    truth.boxes.area[truth_row], false, inclusive);
                if (!(iou >= at_least)) continue;
                pairs.prediction.push_back(row);
                pairs.truth.push_back(truth_row);
                pairs.iou.push_back(iou);
            }
        }
}

}  // namespace detbench
