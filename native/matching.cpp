#include "matching.hpp"

#include <algorithm>
#include <vector>

#include "parallel.hpp"

namespace detbench {
namespace {

struct Candidate {
    double iou;
    std::size_t truth;
    Mask bits;  // thresholds that this IoU reaches, in every area range
};

// How many of the ascending thresholds `iou` reaches. COCO lowers a threshold of 1 by 1e-10, so that equal boxes
// match under rounding; for thresholds below it the minimum changes nothing.
std::size_t reached(const Rules &rules, double iou) {
    constexpr double almost_one = 1.0 - 1e-10;
    std::size_t count = 0;
    while (count < rules.threshold_count) {
        const double threshold = std::min(rules.thresholds[count], almost_one);
        if (!(rules.iou_above ? iou > threshold : iou >= threshold)) break;
        ++count;
    }
    return count;
}

Mask in_every_area(const Rules &rules, std::size_t thresholds_reached) {
    if (thresholds_reached == 0) return 0;
    const Mask low = (thresholds_reached == 64 ? ~Mask{0} : (Mask{1} << thresholds_reached) - 1);
    Mask bits = 0;
    for (std::size_t area = 0; area < rules.area_count; ++area) bits |= low << (area * rules.threshold_count);
    return bits;
}

Mask all_bits(const Rules &rules) { return in_every_area(rules, rules.threshold_count); }

double iou_of(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
              std::size_t prediction, std::size_t g) {
    return intersection_over_union(predictions.boxes.corners + 4 * prediction, predictions.boxes.area[prediction],
                                   truth.boxes.corners + 4 * g, truth.boxes.area[g], truth.crowd[g] != 0,
                                   rules.inclusive);
}

// COCO: among equal IoUs the later ground truth wins, so candidates fall by (IoU, row).
void find_candidates(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
                     const Group &group, std::size_t prediction, std::vector<Candidate> &candidates) {
    candidates.clear();
    for (std::size_t g = group.truth_begin; g < group.truth_end; ++g) {
        const double iou = iou_of(rules, truth, predictions, prediction, g);
        const std::size_t count = iou > 0 ? reached(rules, iou) : 0;
        if (count > 0) candidates.push_back({iou, g, in_every_area(rules, count)});
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate &a, const Candidate &b) {
        return a.iou != b.iou ? a.iou > b.iou : a.truth > b.truth;
    });
}

struct Outcome {
    Mask found, not_counted;
    std::int32_t partner;
};

// COCO: counted ground truth first, by falling IoU; only where none is left, ignored ground truth.
Outcome take_best_free(const Rules &rules, const GroundTruthColumns &truth, const std::vector<Candidate> &candidates,
                       std::size_t truth_begin, Mask outside, std::vector<Mask> &taken) {
    Mask open = all_bits(rules);
    Outcome outcome{0, 0, -1};
    for (const Candidate &c : candidates) {
        Mask &taken_bits = taken[c.truth - truth_begin];
        const Mask bits = c.bits & open & ~truth.ignored[c.truth] & ~taken_bits;
        taken_bits |= bits;
        open &= ~bits;
        if (!truth.void_[c.truth]) outcome.found |= bits;
        else outcome.not_counted |= bits & outside;
        if (bits & 1) outcome.partner = static_cast<std::int32_t>(c.truth);
    }
    for (const Candidate &c : candidates) {
        Mask &taken_bits = taken[c.truth - truth_begin];
        const Mask free = truth.crowd[c.truth] ? ~Mask{0} : ~taken_bits;
        const Mask bits = c.bits & open & truth.ignored[c.truth] & free;
        taken_bits |= bits;
        open &= ~bits;
        outcome.not_counted |= bits;
        if (bits & 1) outcome.partner = static_cast<std::int32_t>(c.truth);
    }
    outcome.not_counted |= open & outside;
    return outcome;
}

// Pascal VOC: the ground truth of greatest IoU (the first among equals) or none, whether it is free or not. VOC has no
// crowds; one excuses what finds nothing else, and takes nothing from the objects that it covers.
Outcome take_best_only(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
                       const Group &group, std::size_t prediction, std::vector<Mask> &taken) {
    double best_iou = 0, crowd_iou = 0;
    std::size_t best = group.truth_end, crowd = group.truth_end;
    for (std::size_t g = group.truth_begin; g < group.truth_end; ++g) {
        const double iou = iou_of(rules, truth, predictions, prediction, g);
        double &greatest = truth.crowd[g] ? crowd_iou : best_iou;
        if (iou > greatest) {
            greatest = iou;
            (truth.crowd[g] ? crowd : best) = g;
        }
    }
    const Mask bits = best_iou > 0 ? in_every_area(rules, reached(rules, best_iou)) : 0;
    const Mask excused = crowd_iou > 0 ? in_every_area(rules, reached(rules, crowd_iou)) & ~bits : 0;
    const Mask outside = predictions.outside[prediction] | excused;
    const std::int32_t partner_in_crowd = excused & 1 ? static_cast<std::int32_t>(crowd) : -1;
    if (best == group.truth_end) return {0, outside, partner_in_crowd};
    Mask &taken_bits = taken[best - group.truth_begin];
    const Mask ignored = bits & truth.ignored[best];
    const Mask free = bits & ~ignored & ~taken_bits;
    taken_bits |= free;
    const bool counts = !truth.void_[best];
    const std::int32_t partner = (free | ignored) & 1 ? static_cast<std::int32_t>(best) : partner_in_crowd;
    return {counts ? free : 0, ignored | (outside & ~bits) | (counts ? 0 : free & outside), partner};
}

// Without ground truth a prediction is wrong wherever its area is in range.
void find_nothing(const PredictionColumns &predictions, const Group &group, const Outcomes &outcomes) {
    const std::size_t begin = group.prediction_begin, count = group.prediction_end - begin;
    std::fill_n(outcomes.found + begin, count, 0);
    std::copy_n(predictions.outside + begin, count, outcomes.not_counted + begin);
    std::fill_n(outcomes.partner + begin, count, -1);
}

}  // namespace

double intersection_over_union(const double *a, double area_a, const double *b, double area_b, bool crowd_b,
                               bool inclusive) {
    const double border = inclusive ? 1.0 : 0.0;
    const double width = std::min(a[2], b[2]) - std::max(a[0], b[0]) + border;
    if (!(width > 0)) return 0;
    const double height = std::min(a[3], b[3]) - std::max(a[1], b[1]) + border;
    if (!(height > 0)) return 0;
    const double intersection = width * height;
    const double union_ = crowd_b ? area_a : area_a + area_b - intersection;
    return union_ > 0 ? intersection / union_ : 0;
}

void match_group(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
                 const Group &group, const Outcomes &outcomes) {
    if (group.truth_begin == group.truth_end) return find_nothing(predictions, group, outcomes);
    thread_local std::vector<Mask> taken;
    thread_local std::vector<Candidate> candidates;
    taken.assign(group.truth_end - group.truth_begin, 0);
    for (std::size_t p = group.prediction_begin; p < group.prediction_end; ++p) {
        Outcome outcome;
        if (rules.best_only) {
            outcome = take_best_only(rules, truth, predictions, group, p, taken);
        } else {
            find_candidates(rules, truth, predictions, group, p, candidates);
            outcome = take_best_free(rules, truth, candidates, group.truth_begin, predictions.outside[p], taken);
        }
        outcomes.found[p] = outcome.found;
        outcomes.not_counted[p] = outcome.not_counted;
        outcomes.partner[p] = outcome.partner;
    }
}

void match_groups(const Rules &rules, const GroundTruthColumns &truth, const PredictionColumns &predictions,
                  const UnfilledVector<Group> &groups, std::size_t threads, const Outcomes &outcomes) {
    share(threads, (groups.size() + groups_per_run - 1) / groups_per_run, [&](Pieces &pieces) {
        while (const auto run = pieces.next()) {
            const std::size_t begin = *run * groups_per_run, end = std::min(begin + groups_per_run, groups.size());
            for (std::size_t g = begin; g < end; ++g) match_group(rules, truth, predictions, groups[g], outcomes);
        }
    });
}

}  // namespace detbench
