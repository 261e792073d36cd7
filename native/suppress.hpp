// Non-maximum suppression to the reference's rows: by falling score, ties to the lower row, a box dropped if its IoU
// with one that was kept is above the threshold; one whose area is no finite positive number overlaps nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "unfilled.hpp"

namespace detbench {

template <typename Real, typename Score>
struct ScoredBoxes {
    const Real *corners;           // [4 * count] x1 y1 x2 y2
    const Score *score;            // [count]
    const std::int32_t *category;  // [count], or null: all the same
    std::size_t count;
};

// Rows that are kept, at most `limit`, by falling score. Boxes of different categories leave each other alone.
template <typename Real, typename Score>
UnfilledVector<std::int64_t> suppress(const ScoredBoxes<Real, Score> &boxes, Real threshold, std::size_t limit);

extern template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<float, float> &, float, std::size_t);
extern template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<float, double> &, float, std::size_t);
extern template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<double, float> &, double, std::size_t);
extern template UnfilledVector<std::int64_t> suppress(const ScoredBoxes<double, double> &, double, std::size_t);

}  // namespace detbench
