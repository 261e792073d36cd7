// Bindings of matching and of the IoU of pairs.
#include "matching.hpp"

#include "bindings.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

void match(const Table<double> &truth_box, const Column<double> &truth_area, const Column<Mask> &truth_ignored,
           const Column<std::uint8_t> &truth_crowd, const Column<std::uint8_t> &truth_void,
           const Table<double> &box, const Column<double> &area, const Column<Mask> &outside,
           const Table<std::int64_t> &groups, const Column<double> &thresholds, std::size_t area_count, bool iou_above,
           bool inclusive, bool best_only, std::size_t threads, const Output<Mask, 1> &found,
           const Output<Mask, 1> &not_counted, const Output<std::int32_t, 1> &partner) {
    const std::size_t truths = truth_box.shape(0), count = box.shape(0);
    require(truth_box.shape(1) == 4 && box.shape(1) == 4 && groups.shape(1) == 4, "boxes and groups have 4 columns");
    for (const auto &column : {truth_area.shape(0), truth_ignored.shape(0), truth_crowd.shape(0), truth_void.shape(0)})
        require(column == truths, "ground truth columns differ in length");
    for (const auto &column : {area.shape(0), outside.shape(0), found.shape(0), not_counted.shape(0), partner.shape(0)})
        require(column == count, "prediction columns differ in length");
    require(thresholds.shape(0) * area_count <= 64, "more than 64 pairs of threshold and area");
    for (std::size_t g = 0; g < groups.shape(0); ++g) {
        const std::int64_t *row = groups.data() + 4 * g;
        require(0 <= row[0] && row[0] <= row[1] && row[1] <= static_cast<std::int64_t>(truths) && 0 <= row[2] &&
                    row[2] <= row[3] && row[3] <= static_cast<std::int64_t>(count),
                "a group leaves its table");
    }
    const Rules rules{thresholds.data(), thresholds.shape(0), area_count, iou_above, inclusive, best_only};
    const GroundTruthColumns truth{
        {truth_box.data(), truth_area.data()}, truth_ignored.data(), truth_crowd.data(), truth_void.data()};
    const PredictionColumns predictions{{box.data(), area.data()}, outside.data()};
    UnfilledVector<Group> ranges(groups.shape(0));
    for (std::size_t g = 0; g < ranges.size(); ++g) {
        const std::int64_t *row = groups.data() + 4 * g;
        ranges[g] = {static_cast<std::size_t>(row[0]), static_cast<std::size_t>(row[1]),
                     static_cast<std::size_t>(row[2]), static_cast<std::size_t>(row[3])};
    }
    const Outcomes outcomes{found.data(), not_counted.data(), partner.data()};
    nb::gil_scoped_release release;
    match_groups(rules, truth, predictions, ranges, threads, outcomes);
}

void pairwise_iou(const Table<double> &a, const Column<double> &area_a, const Table<double> &b,
                  const Column<double> &area_b, const Column<std::uint8_t> &crowd_b, bool inclusive,
                  const Output<double, 2> &out) {
    const std::size_t rows = a.shape(0), columns = b.shape(0);
    require(a.shape(1) == 4 && b.shape(1) == 4, "boxes have 4 columns");
    require(area_a.shape(0) == rows && area_b.shape(0) == columns && crowd_b.shape(0) == columns,
            "columns differ in length");
    require(out.shape(0) == rows && out.shape(1) == columns, "the output has another shape");
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j)
            out.data()[i * columns + j] =
                intersection_over_union(a.data() + 4 * i, area_a.data()[i], b.data() + 4 * j, area_b.data()[j],
                                        crowd_b.data()[j] != 0, inclusive);
}

}  // namespace

void bind_matching(nb::module_ &module) {
    module.def("match", &match, "truth_box"_a, "truth_area"_a, "truth_ignored"_a, "truth_crowd"_a, "truth_void"_a,
               "box"_a, "area"_a, "outside"_a, "groups"_a, "thresholds"_a, "area_count"_a, "iou_above"_a,
               "inclusive"_a, "best_only"_a, "threads"_a, "found"_a, "not_counted"_a, "partner"_a);
    module.def("pairwise_iou", &pairwise_iou, "a"_a, "area_a"_a, "b"_a, "area_b"_a, "crowd_b"_a, "inclusive"_a,
               "out"_a);
}

}  // namespace detbench::bindings
