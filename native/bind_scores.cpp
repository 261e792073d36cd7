// Bindings of the whole path from two files to numbers. What a report needs beyond them becomes NumPy arrays, named as
// the fields of detbench's tables, when it is asked for; until then NumPy is not imported.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "curves.hpp"
#include "handover.hpp"
#include "scan/scan.hpp"
#include "scores.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

// None in the place of the largest maxDets is no limit.
std::vector<std::int32_t> limits_of(const std::vector<std::optional<std::int32_t>> &max_dets) {
    std::vector<std::int32_t> limits;
    for (const auto &limit : max_dets) limits.push_back(limit.value_or(std::numeric_limits<std::int32_t>::max()));
    return limits;
}

std::unique_ptr<Scores> score_paths(const nb::bytes &ground_truth, const nb::bytes &predictions,
                                    const std::vector<double> &thresholds,
                                    const std::vector<std::pair<double, double>> &areas,
                                    const std::vector<std::optional<std::int32_t>> &max_dets,
                                    const std::string &interpolation, bool best_only, bool iou_above, bool inclusive,
                                    bool ignore_difficult, bool ignore_marked, bool id_zero_is_unmatched,
                                    std::size_t threads) {
    Scoring scoring;
    scoring.thresholds = thresholds;
    scoring.max_dets = limits_of(max_dets);
    scoring.interpolation = interpolation_named(interpolation);
    scoring.best_only = best_only;
    scoring.iou_above = iou_above;
    scoring.inclusive = inclusive;
    scoring.ignore_difficult = ignore_difficult;
    scoring.ignore_marked = ignore_marked;
    scoring.id_zero_is_unmatched = id_zero_is_unmatched;
    for (const auto &[low, high] : areas) scoring.areas.push_back({low, high});
    require(!thresholds.empty() && !areas.empty() && !max_dets.empty(), "no thresholds, areas or maxDets");
    require(thresholds.size() * areas.size() <= 64, "more than 64 pairs of threshold and area");
    for (std::size_t m = 0; m < max_dets.size(); ++m)
        require(scoring.max_dets[m] > (m ? scoring.max_dets[m - 1] : 0), "maxDets do not rise");
    const std::string truth_path(ground_truth.c_str()), predictions_path(predictions.c_str());
    nb::gil_scoped_release release;
    return score_files(truth_path.c_str(), predictions_path.c_str(), scoring, threads);
}

// Ground truth alone, as scores of no predictions.
std::unique_ptr<Scores> read_ground_truth(const nb::bytes &path, std::size_t threads) {
    const std::string truth_path(path.c_str());
    nb::gil_scoped_release release;
    auto truth = scan_ground_truth(truth_path.c_str(), static_cast<unsigned>(threads));
    if (!truth) return nullptr;
    Scoring scoring{};
    scoring.thresholds = {0.5};
    scoring.areas = {{0.0, std::numeric_limits<double>::max()}};
    scoring.max_dets = {1};
    return score(std::move(*truth), {}, scoring, threads);
}

void require_part(const Scores &scores, std::size_t first, std::size_t last, std::size_t area) {
    require(first <= last && last <= scores.scoring.thresholds.size(), "no such thresholds");
    require(area < scores.scoring.areas.size(), "no such area");
}

std::optional<double> mean_precision(const Scores &scores, std::size_t first, std::size_t last, std::size_t area) {
    require_part(scores, first, last, area);
    return scores.mean_precision(first, last, area);
}

std::optional<double> mean_recall(const Scores &scores, std::size_t first, std::size_t last, std::size_t area,
                                  std::size_t max_dets) {
    require_part(scores, first, last, area);
    require(max_dets < scores.scoring.max_dets.size(), "no such maxDets");
    return scores.mean_recall(first, last, area, max_dets);
}

nb::list texts(const Strings &strings, const UnfilledVector<std::int32_t> *rows = nullptr) {
    nb::list result;
    for (std::size_t i = 0; i < strings.ends.size(); ++i) {
        const std::size_t row = rows ? static_cast<std::size_t>((*rows)[i]) : i;
        const std::size_t begin = row ? strings.ends[row - 1] : 0;
        result.append(nb::str(strings.text.data() + begin, strings.ends[row] - begin));
    }
    return result;
}

template <typename Rows>
nb::list numbers(const UnfilledVector<std::int64_t> &values, const Rows &rows) {
    nb::list result;
    for (const auto row : rows) result.append(values[static_cast<std::size_t>(row)]);
    return result;
}

// Rows of a table that is grouped by image in the order of the file's images, as the file's rows; and the way back.
struct Grouped {
    UnfilledVector<std::int32_t> image;  // by the file's rows: row of the image
    UnfilledVector<std::uint32_t> order;

    Grouped(const UnfilledVector<std::int32_t> &places, const UnfilledVector<std::int32_t> &image_row) {
        nb::gil_scoped_release release;
        image.reserve(places.size());
        for (const std::int32_t place : places) image.push_back(image_row[static_cast<std::size_t>(place)]);
        order = stable_order(image.data(), image.size(), image_row.size());
    }

    UnfilledVector<std::uint32_t> place_of_row() const {
        UnfilledVector<std::uint32_t> place(order.size());
        for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<std::uint32_t>(i);
        return place;
    }

    template <typename T, typename Values>
    nb::object column(const Values &values) const {
        return column_of<T>(order.size(), [&](std::size_t i) { return static_cast<T>(values[order[i]]); });
    }

    nb::object boxes(const UnfilledVector<double> &xywh) const {
        return table_of<double, 4>(order.size(), [&](std::size_t i, double *row) {
            to_corners(xywh.data() + 4 * std::size_t{order[i]}, row);
        });
    }

    nb::object sizes(const UnfilledVector<double> &xywh) const {
        return table_of<double, 2>(order.size(), [&](std::size_t i, double *row) {
            std::copy_n(xywh.data() + 4 * std::size_t{order[i]} + 2, 2, row);
        });
    }
};

Grouped truth_by_image(const Scores &scores) { return {scores.joined.truth_image, scores.joined.image_row}; }
Grouped predictions_by_image(const Scores &scores) { return {scores.joined.image, scores.joined.image_row}; }

nb::dict image_columns(nb::handle_t<Scores> self) {
    const auto &file = nb::cast<const Scores &>(self).truth_file;
    nb::dict columns;
    columns["key"] = nb::tuple(nb::cast(file.image_id));
    columns["file_name"] = nb::tuple(texts(file.file_name));
    columns["width_px"] = view(file.width_px, {file.width_px.size()}, self);
    columns["height_px"] = view(file.height_px, {file.height_px.size()}, self);
    return columns;
}

nb::dict category_columns(const Scores &scores) {
    const auto &rows = scores.joined.category_row;
    nb::dict columns;
    columns["name"] = nb::tuple(texts(scores.truth_file.category_name, &rows));
    columns["source_id"] = nb::tuple(numbers(scores.truth_file.category_id, rows));
    return columns;
}

nb::dict truth_columns(const Scores &scores) {
    const GroundTruthFile &file = scores.truth_file;
    const Grouped grouped = truth_by_image(scores);
    nb::dict columns;
    columns["image"] = grouped.column<std::int32_t>(grouped.image);
    columns["category"] = grouped.column<std::int32_t>(scores.joined.truth_category);
    columns["box"] = grouped.boxes(file.xywh);
    columns["area_px"] = grouped.column<double>(file.area);
    columns["crowd"] = grouped.column<bool>(file.crowd);
    columns["ignore"] = grouped.column<bool>(file.ignore);
    columns["difficult"] = grouped.column<bool>(file.difficult);
    columns["truncated"] = grouped.column<std::int8_t>(file.truncated);
    columns["occluded"] = grouped.column<std::int8_t>(file.occluded);
    if (!file.annotation_id.empty()) columns["source_id"] = nb::tuple(numbers(file.annotation_id, grouped.order));
    columns["size_px"] = grouped.sizes(file.xywh);
    return columns;
}

nb::dict prediction_columns(const Scores &scores) {
    const PredictionFile &file = scores.prediction_file;
    const Grouped grouped = predictions_by_image(scores);
    nb::dict columns;
    columns["image"] = grouped.column<std::int32_t>(grouped.image);
    columns["category"] = grouped.column<std::int32_t>(scores.joined.category);
    columns["box"] = grouped.boxes(file.xywh);
    columns["score"] = grouped.column<double>(file.score);
    columns["size_px"] = grouped.sizes(file.xywh);
    return columns;
}

// `rows` of a file as rows of the table that is grouped by image, int64.
nb::object table_rows(const UnfilledVector<std::uint32_t> &rows, const Grouped &grouped) {
    const UnfilledVector<std::uint32_t> place = grouped.place_of_row();
    return column_of<std::int64_t>(rows.size(), [&](std::size_t i) { return place[rows[i]]; });
}

template <typename T>
nb::object taken(const UnfilledVector<std::int32_t> &values, const UnfilledVector<std::uint32_t> &rows) {
    return column_of<T>(rows.size(), [&](std::size_t i) { return values[rows[i]]; });
}

nb::dict task_columns(nb::handle_t<Scores> self) {
    const auto &scores = nb::cast<const Scores &>(self);
    const Task &task = scores.task;
    const auto &truth_row = task.truth_row, &row = task.row;
    const OrderedTruth &truth = scores.truth;
    const auto xywh = [&](std::size_t i) { return scores.prediction_file.xywh.data() + 4 * std::size_t{row[i]}; };
    nb::dict columns;
    columns["truth_row"] = table_rows(truth_row, truth_by_image(scores));
    columns["truth_category"] = taken<std::int32_t>(scores.joined.truth_category, truth_row);
    columns["truth_image"] = taken<std::int32_t>(scores.joined.truth_image, truth_row);
    columns["truth_box"] = view(truth.corners, {truth_row.size(), 4}, self);
    columns["truth_area"] = view(truth.area, {truth_row.size()}, self);
    columns["truth_ignored"] = view(truth.ignored, {truth_row.size()}, self);
    columns["truth_crowd"] = view(truth.crowd, {truth_row.size()}, self);
    columns["truth_void"] = view(truth.void_, {truth_row.size()}, self);
    columns["row"] = table_rows(row, predictions_by_image(scores));
    columns["category"] = taken<std::int32_t>(scores.joined.category, row);
    columns["image"] = taken<std::int32_t>(scores.joined.image, row);
    columns["box"] = table_of<double, 4>(row.size(), [&](std::size_t i, double *out) { to_corners(xywh(i), out); });
    columns["area"] =
        column_of<double>(row.size(), [&](std::size_t i) { return area_of(xywh(i), scores.scoring.inclusive); });
    columns["outside"] = column_of<Mask>(
        row.size(), [&](std::size_t i) { return out_of_range(area_of(xywh(i), false), scores.scoring); });
    columns["score"] = view(task.score, {row.size()}, self);
    columns["rank"] = view(task.rank, {row.size()}, self);
    columns["groups"] = group_table(task.groups);
    return columns;
}

nb::dict match_columns(nb::handle_t<Scores> self) {
    const auto &scores = nb::cast<const Scores &>(self);
    nb::dict columns;
    columns["found"] = view(scores.found, {scores.found.size()}, self);
    columns["not_counted"] = view(scores.not_counted, {scores.not_counted.size()}, self);
    columns["partner"] = view(scores.partner, {scores.partner.size()}, self);
    return columns;
}

nb::dict curve_columns(nb::handle_t<Scores> self) {
    const auto &scores = nb::cast<const Scores &>(self);
    const std::size_t thresholds = scores.scoring.thresholds.size(), areas = scores.scoring.areas.size();
    const std::size_t categories = scores.sizes().categories, limits = scores.scoring.max_dets.size();
    nb::dict columns;
    columns["precision"] = view(scores.precision, {thresholds, drawn_levels, categories, areas}, self);
    columns["average_precision"] = view(scores.average_precision, {thresholds, categories, areas}, self);
    columns["recall"] = view(scores.recall, {thresholds, categories, areas, limits}, self);
    columns["truth_count"] = view(scores.truth_count, {categories, areas}, self);
    return columns;
}

}  // namespace

void bind_scores(nb::module_ &module) {
    module.def("score_files", &score_paths, "ground_truth"_a, "predictions"_a, nb::kw_only(), "thresholds"_a, "areas"_a,
               "max_dets"_a, "interpolation"_a, "best_only"_a, "iou_above"_a, "inclusive"_a, "ignore_difficult"_a,
               "ignore_marked"_a, "id_zero_is_unmatched"_a, "threads"_a);
    module.def("read_ground_truth", &read_ground_truth, "path"_a, "threads"_a);
    nb::class_<Scores>(module, "Scores")
        .def_prop_ro("image_count", [](const Scores &s) { return s.joined.image_row.size(); })
        .def_prop_ro("category_count", [](const Scores &s) { return s.joined.category_row.size(); })
        .def_prop_ro("ground_truth_count", [](const Scores &s) { return s.joined.truth_image.size(); })
        .def_prop_ro("prediction_count", [](const Scores &s) { return s.joined.image.size(); })
        .def("mean_precision", &mean_precision, "first"_a, "last"_a, "area"_a)
        .def("mean_recall", &mean_recall, "first"_a, "last"_a, "area"_a, "max_dets"_a)
        .def("image_columns", &image_columns)
        .def("category_columns", &category_columns)
        .def("ground_truth_columns", &truth_columns)
        .def("prediction_columns", &prediction_columns)
        .def("task_columns", &task_columns)
        .def("match_columns", &match_columns)
        .def("curve_columns", &curve_columns);
}

}  // namespace detbench::bindings
