#include "suppress.hpp"

#include <algorithm>
#include <unordered_set>

#include "falling.hpp"
#include "kept_boxes.hpp"
#include "prefetch.hpp"

namespace detbench {
namespace {

// Hands rows by falling score to `keep`, which says whether it wants another.
template <typename Real, typename Score, typename Keep>
void each_falling(const ScoredBoxes<Real, Score> &boxes, std::size_t limit, const Keep &keep) {
    FallingOrder<Score> order(boxes.score, boxes.count, std::min(boxes.count, 2 * std::min(limit, boxes.count)));
    while (order.advance())
        for (std::size_t i = 0; i < order.size(); ++i) {
            if (i + rows_ahead < order.size()) prefetch(boxes.corners + 4 * std::size_t{order[i + rows_ahead]});
            if (!keep(order[i])) return;
        }
}

}  // namespace

template <typename Real, typename Score>
UnfilledVector<std::int64_t> suppress(const ScoredBoxes<Real, Score> &boxes, Real threshold, std::size_t limit) {
    UnfilledVector<std::int64_t> kept;
    const std::size_t most = std::min(limit, boxes.count);
    if (most == 0) return kept;
    kept.reserve(most);
    if (threshold < 0) {  // even an IoU of 0 is above it: the first of each category stays
        std::unordered_set<std::int32_t> seen;
        each_falling(boxes, limit, [&](std::uint32_t row) {
            if (seen.insert(boxes.category ? boxes.category[row] : 0).second) kept.push_back(row);
            return kept.size() < most;
        });
        return kept;
    }
    KeptBoxes<Real> suppressors(threshold, most);
    each_falling(boxes, limit, [&](std::uint32_t row) {
        const Box<Real> box = box_at(boxes.corners + 4 * std::size_t{row}, boxes.category ? boxes.category[row] : 0);
        if (has_area(box)) {
            if (suppressors.suppress(box)) return true;
            suppressors.add(box);
        }
        kept.push_back(row);
        return kept.size() < most;
    });
    return kept;
}

template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<float, float> &, float, std::size_t);
template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<float, double> &, float, std::size_t);
template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<double, float> &, double, std::size_t);
template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<double, double> &, double, std::size_t);

}  // namespace detbench
