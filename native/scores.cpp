#include "scores.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <thread>
#include <utility>

#include "curves.hpp"
#include "parallel.hpp"
#include "prefetch.hpp"
#include "scan/scan.hpp"
#include "summary.hpp"

namespace detbench {
namespace {

Mask every_bit(const Scoring &scoring) {
    const std::size_t bits = scoring.thresholds.size() * scoring.areas.size();
    return bits == 64 ? ~Mask{0} : (Mask{1} << bits) - 1;
}

Rules rules_of(const Scoring &scoring) {
    return {scoring.thresholds.data(), scoring.thresholds.size(), scoring.areas.size(),
            scoring.iou_above,         scoring.inclusive,         scoring.best_only};
}

// A row's own area (a mask's) decides its size, where the file gives one; IoUs are computed with its box's.
void place_truth(const GroundTruthFile &file, std::size_t row, const Scoring &scoring, std::size_t g,
                 OrderedTruth &truth) {
    const double *xywh = file.xywh.data() + 4 * row;
    const double own = file.area[row];
    const bool ignored = file.crowd[row] || (scoring.ignore_marked && file.ignore[row]) ||
                         (scoring.ignore_difficult && file.difficult[row]);
    to_corners(xywh, truth.corners.data() + 4 * g);
    truth.area[g] = area_of(xywh, scoring.inclusive);
    truth.ignored[g] =
        ignored ? every_bit(scoring) : out_of_range(std::isnan(own) ? area_of(xywh, false) : own, scoring);
    truth.crowd[g] = file.crowd[row];
    truth.void_[g] = scoring.id_zero_is_unmatched && !file.annotation_id.empty() && file.annotation_id[row] == 0;
}

void order_truth(Scores &scores, std::size_t threads) {
    const UnfilledVector<std::uint32_t> &rows = scores.task.truth_row;
    OrderedTruth &truth = scores.truth;
    truth.corners.resize(4 * rows.size());
    truth.area.resize(rows.size());
    truth.ignored.resize(rows.size());
    truth.crowd.resize(rows.size());
    truth.void_.resize(rows.size());
    constexpr std::size_t rows_per_piece = 4096;
    share(threads, (rows.size() + rows_per_piece - 1) / rows_per_piece, [&](Pieces &pieces) {
        while (const auto piece = pieces.next())
            for (std::size_t g = *piece * rows_per_piece; g < std::min(rows.size(), (*piece + 1) * rows_per_piece); ++g)
                place_truth(scores.truth_file, rows[g], scores.scoring, g, truth);
    });
}

// The boxes of a run of groups, gathered from the file's order so that matching reads them in its own.
class GatheredBoxes {
public:
    void gather(const Scores &scores, std::size_t begin, std::size_t end) {
        corners_.resize(4 * (end - begin));
        area_.resize(end - begin);
        outside_.resize(end - begin);
        const double *boxes = scores.prediction_file.xywh.data();
        const std::uint32_t *row = scores.task.row.data();
        for (std::size_t p = begin; p < end; ++p) {
            if (p + rows_ahead < end) prefetch(boxes + 4 * std::size_t{row[p + rows_ahead]});
            const double *xywh = boxes + 4 * std::size_t{row[p]};
            to_corners(xywh, corners_.data() + 4 * (p - begin));
            area_[p - begin] = area_of(xywh, scores.scoring.inclusive);
            outside_[p - begin] = out_of_range(area_of(xywh, false), scores.scoring);
        }
    }

    PredictionColumns columns() const { return {{corners_.data(), area_.data()}, outside_.data()}; }

private:
    std::vector<double> corners_, area_;
    std::vector<Mask> outside_;
};

void match_run(Scores &scores, std::size_t first, std::size_t last, const Rules &rules, GatheredBoxes &boxes) {
    const UnfilledVector<Group> &groups = scores.task.groups;
    const std::size_t begin = groups[first].prediction_begin;
    boxes.gather(scores, begin, groups[last - 1].prediction_end);
    const Outcomes outcomes{scores.found.data() + begin, scores.not_counted.data() + begin,
                            scores.partner.data() + begin};
    for (std::size_t g = first; g < last; ++g) {
        Group group = groups[g];
        group.prediction_begin -= begin;
        group.prediction_end -= begin;
        match_group(rules, scores.truth.columns(), boxes.columns(), group, outcomes);
    }
}

void match_all(Scores &scores, std::size_t threads) {
    const std::size_t count = scores.task.score.size(), groups = scores.task.groups.size();
    scores.found.resize(count);
    scores.not_counted.resize(count);
    scores.partner.resize(count);
    const Rules rules = rules_of(scores.scoring);
    share(threads, (groups + groups_per_run - 1) / groups_per_run, [&](Pieces &pieces) {
        GatheredBoxes boxes;
        while (const auto run = pieces.next())
            match_run(scores, *run * groups_per_run, std::min(groups, (*run + 1) * groups_per_run), rules, boxes);
    });
}

void accumulate_all(Scores &scores, std::size_t threads) {
    const Scoring &scoring = scores.scoring;
    const std::size_t thresholds = scoring.thresholds.size(), areas = scoring.areas.size();
    const std::size_t categories = scores.sizes().categories;
    scores.precision.resize(thresholds * drawn_levels * categories * areas);
    scores.average_precision.resize(thresholds * categories * areas);
    scores.recall.resize(scores.average_precision.size() * scoring.max_dets.size());
    scores.truth_count.resize(categories * areas);
    const Task &task = scores.task;
    accumulate({task.score.data(), task.rank.data(), scores.found.data(), scores.not_counted.data(),
                task.offsets.data(), scores.truth.ignored.data(), task.truth_offsets.data(), categories,
                thresholds, areas, scoring.max_dets.data(), scoring.max_dets.size(), scoring.interpolation},
               {scores.precision.data(), scores.average_precision.data(), scores.recall.data(),
                scores.truth_count.data()},
               threads);
}

// The mean of what is defined of every `step`-th value from `first` on; the values are in C order.
std::optional<double> mean_of_defined(const double *values, std::size_t count, std::size_t first, std::size_t step) {
    std::vector<double> defined;
    for (std::size_t i = first; i < count; i += step)
        if (!std::isnan(values[i])) defined.push_back(values[i]);
    return mean(defined);
}

}  // namespace

Mask out_of_range(double area, const Scoring &scoring) {
    const std::size_t thresholds = scoring.thresholds.size();
    const Mask one_range = thresholds == 64 ? ~Mask{0} : (Mask{1} << thresholds) - 1;
    Mask outside = 0;
    for (std::size_t a = 0; a < scoring.areas.size(); ++a)
        outside |= (area < scoring.areas[a].low) | (area > scoring.areas[a].high) ? one_range << (a * thresholds) : 0;
    return outside;
}

std::optional<double> Scores::mean_precision(std::size_t first, std::size_t last, std::size_t area) const {
    const bool from_curves = scoring.interpolation == Interpolation::points_101;
    const UnfilledVector<double> &values = from_curves ? precision : average_precision;
    const std::size_t areas = scoring.areas.size();
    const std::size_t row = (from_curves ? drawn_levels : 1) * sizes().categories * areas;
    return mean_of_defined(values.data() + first * row, (last - first) * row, area, areas);
}

std::optional<double> Scores::mean_recall(std::size_t first, std::size_t last, std::size_t area,
                                          std::size_t max_dets) const {
    const std::size_t limits = scoring.max_dets.size(), areas = scoring.areas.size();
    const std::size_t row = sizes().categories * areas * limits;
    return mean_of_defined(recall.data() + first * row, (last - first) * row, area * limits + max_dets, areas * limits);
}

std::unique_ptr<Scores> score(GroundTruthFile truth, PredictionFile predictions, const Scoring &scoring,
                              std::size_t threads) {
    auto scores = std::make_unique<Scores>();
    scores->scoring = scoring;
    scores->truth_file = std::move(truth);
    scores->prediction_file = std::move(predictions);
    Joined &joined = scores->joined;
    if (!join(scores->truth_file, scores->prediction_file, threads, joined)) return nullptr;
    const Placed truth_rows{joined.truth_category.data(), joined.truth_image.data(), joined.truth_image.size()};
    const Placed rows{joined.category.data(), joined.image.data(), joined.image.size()};
    scores->task = order_task(truth_rows, rows, scores->prediction_file.score.data(), scores->sizes(),
                              static_cast<std::size_t>(scoring.max_dets.back()), threads);
    order_truth(*scores, threads);
    match_all(*scores, threads);
    accumulate_all(*scores, threads);
    return scores;
}

std::unique_ptr<Scores> score_files(const char *truth_path, const char *predictions_path, const Scoring &scoring,
                                    std::size_t threads) {
    std::optional<GroundTruthFile> truth;
    std::optional<PredictionFile> predictions;
    share(std::min<std::size_t>(threads, 2), 2, [&](Pieces &files) {
        while (const auto file = files.next())
            if (*file == 0) truth = scan_ground_truth(truth_path, 1);
            else predictions = scan_predictions(predictions_path, static_cast<unsigned>(threads));
    });
    if (!truth || !predictions) return nullptr;
    return score(std::move(*truth), std::move(*predictions), scoring, threads);
}

}  // namespace detbench
