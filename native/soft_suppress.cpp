#include "soft_suppress.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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

// What has not been taken yet, a column a coordinate, in the order of the rows: of equal scores the lower row is taken
// first. What is taken or scores too low is struck out where it stands, until that is a quarter of all.
template <typename Real, typename Score>
class Left {
public:
    Left(const ScoredBoxes<Real, Score> &boxes, Score least) {
        for (std::size_t r = 0; r < boxes.count; ++r) {
            if (!(boxes.score[r] >= least)) continue;
            row_.push_back(static_cast<std::int64_t>(r));
            score_.push_back(boxes.score[r]);
        }
        for (const std::int64_t row : row_) {
            const Box<Real> box = box_at(boxes.corners + 4 * row, 0);
            const Box<Real> point{0, 0, 0, 0, 1, 0};  // it overlaps nothing
            columns_.push_back(has_area(box) ? box : point);
        }
        iou_.resize(row_.size());
        alive_ = row_.size();
        find_best();
    }

    bool empty() const { return alive_ == 0; }

    // Takes the box with the highest score and lowers the scores of the others.
    void take(const Decay<Real, Score> &decay, Taken<Score> &taken) {
        const Box<Real> one = columns_.at(best_);
        taken.row.push_back(row_[best_]);
        taken.score.push_back(score_[best_]);
        strike(best_);
        overlaps_of(one, columns_, iou_.data());
        for (std::size_t i = 0; i < row_.size(); ++i) {
            if (!(iou_[i] > 0)) continue;
            score_[i] = decayed(score_[i], iou_[i], decay);
            if (!(score_[i] >= decay.score_threshold)) strike(i);
        }
        if (4 * alive_ < 3 * row_.size()) close_up();
        find_best();
    }

private:
    static constexpr std::int64_t struck = -1;

    void strike(std::size_t i) {
        columns_.set(i, Box<Real>{0, 0, 0, 0, 1, 0});
        score_[i] = -std::numeric_limits<Score>::infinity();
        row_[i] = struck;
        --alive_;
    }

    void close_up() {
        std::size_t count = 0;
        for (std::size_t i = 0; i < row_.size(); ++i) {
            if (row_[i] == struck) continue;
            columns_.set(count, columns_.at(i));
            score_[count] = score_[i];
            row_[count++] = row_[i];
        }
        columns_.resize(count);
        score_.resize(count);
        row_.resize(count);
    }

    // The first of the highest scores that is not struck out: a score may be minus infinity, too.
    void find_best() {
        best_ = static_cast<std::size_t>(std::find_if(row_.begin(), row_.end(), [](auto r) { return r != struck; }) -
                                         row_.begin());
        for (std::size_t i = best_; i < row_.size(); ++i)
            if (score_[i] > score_[best_]) best_ = i;
    }

    Columns<Real> columns_;
    UnfilledVector<Score> score_;
    UnfilledVector<std::int64_t> row_;  // or struck
    UnfilledVector<Real> iou_;
    std::size_t alive_ = 0, best_ = 0;
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
