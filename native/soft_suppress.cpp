#include "soft_suppress.hpp"

#include <algorithm>
#include <cmath>

#include "overlap.hpp"

namespace detbench {
namespace {

template <typename Real, typename Score>
Score decayed(Score score, Real iou, const Decay<Real, Score> &decay) {
    const Real weight = decay.gaussian             ? std::exp(-(iou * iou) / decay.sigma)
                        : iou > decay.iou_threshold ? 1 - iou
                                                    : Real{1};
    return static_cast<Score>(score * weight);
}

// What has not been taken yet, in the order of the rows: of equal scores the lower row is taken first.
template <typename Real, typename Score>
class Left {
public:
    explicit Left(const ScoredBoxes<Real, Score> &boxes, Score least) {
        for (std::size_t r = 0; r < boxes.count; ++r) {
            if (!(boxes.score[r] >= least)) continue;
            const Box<Real> box = box_at(boxes.corners + 4 * r, 0);
            box_.push_back(has_area(box) ? box : Box<Real>{0, 0, 0, 0, 1, 0});  // a point: it overlaps nothing
            score_.push_back(boxes.score[r]);
            row_.push_back(static_cast<std::int64_t>(r));
        }
        iou_.resize(row_.size());
        best_ = static_cast<std::size_t>(std::max_element(score_.begin(), score_.end()) - score_.begin());
    }

    bool empty() const { return row_.empty(); }

    // Takes the box with the highest score out and lowers the scores of the others.
    void take(const Decay<Real, Score> &decay, Taken<Score> &taken) {
        taken.row.push_back(row_[best_]);
        taken.score.push_back(score_[best_]);
        const Box<Real> one = box_[best_];
        for (std::size_t i = 0; i < box_.size(); ++i) iou_[i] = intersection_over_union(one, box_[i]);
        std::size_t count = 0, best = 0;
        for (std::size_t i = 0; i < box_.size(); ++i) {
            if (i == best_) continue;
            const Score score = iou_[i] > 0 ? decayed(score_[i], iou_[i], decay) : score_[i];
            if (!(score >= decay.score_threshold)) continue;
            box_[count] = box_[i];
            score_[count] = score;
            row_[count] = row_[i];
            if (score > score_[best]) best = count;
            ++count;
        }
        box_.resize(count);
        score_.resize(count);
        row_.resize(count);
        best_ = best;
    }

private:
    UnfilledVector<Box<Real>> box_;
    UnfilledVector<Score> score_;
    UnfilledVector<std::int64_t> row_;
    UnfilledVector<Real> iou_;
    std::size_t best_ = 0;
};

}  // namespace

template <typename Real, typename Score>
Taken<Score> soft_suppress(const ScoredBoxes<Real, Score> &boxes, const Decay<Real, Score> &decay, std::size_t limit) {
    Taken<Score> taken;
    Left<Real, Score> left(boxes, decay.score_threshold);
    while (!left.empty() && taken.row.size() < limit) left.take(decay, taken);
    return taken;
}

template Taken<float> soft_suppress(const ScoredBoxes<float, float> &, const Decay<float, float> &, std::size_t);
template Taken<double> soft_suppress(const ScoredBoxes<float, double> &, const Decay<float, double> &, std::size_t);
template Taken<float> soft_suppress(const ScoredBoxes<double, float> &, const Decay<double, float> &, std::size_t);
template Taken<double> soft_suppress(const ScoredBoxes<double, double> &, const Decay<double, double> &, std::size_t);

}  // namespace detbench
