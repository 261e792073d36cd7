// Soft-NMS (Bodla et al. 2017): the box with the highest score is taken and lowers the scores of those it overlaps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "suppress.hpp"
#include "unfilled.hpp"

namespace detbench {

template <typename Real, typename Score>
struct Decay {
    bool gaussian;          // exp(-IoU^2 / sigma); else 1 - IoU where the IoU is above iou_threshold
    Real iou_threshold, sigma;
    Score score_threshold;  // boxes whose scores fall below it are not taken
};

template <typename Score>
struct Taken {
    UnfilledVector<std::int64_t> row;  // in the order in which they were taken
    UnfilledVector<Score> score;       // decayed
};

template <typename Real, typename Score>
Taken<Score> soft_suppress(const ScoredBoxes<Real, Score> &boxes, const Decay<Real, Score> &decay, std::size_t limit);

extern template Taken<float> soft_suppress(const ScoredBoxes<float, float> &, const Decay<float, float> &, std::size_t);
extern template Taken<double> soft_suppress(const ScoredBoxes<float, double> &, const Decay<float, double> &,
                                            std::size_t);
extern template Taken<float> soft_suppress(const ScoredBoxes<double, float> &, const Decay<double, float> &,
                                           std::size_t);
extern template Taken<double> soft_suppress(const ScoredBoxes<double, double> &, const Decay<double, double> &,
                                            std::size_t);

}  // namespace detbench
