// Bindings of ordering and accumulation on tables that are NumPy's already, whatever file they came from.
#include <nanobind/stl/string.h>

#include <limits>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "curves.hpp"
#include "handover.hpp"
#include "order.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

Placed placed(const Column<std::int32_t> &category, const Column<std::int32_t> &image, const Sizes &sizes) {
    require_length(category, image.shape(0), "columns differ in length");
    require(image.shape(0) < std::numeric_limits<std::int32_t>::max(), "more rows than can be numbered");
    for (std::size_t r = 0; r < image.shape(0); ++r)
        require(-1 <= category.data()[r] && category.data()[r] < static_cast<std::int64_t>(sizes.categories) &&
                    0 <= image.data()[r] && image.data()[r] < static_cast<std::int64_t>(sizes.images),
                "a row is on no image or of no category");
    return {category.data(), image.data(), image.shape(0)};
}

nb::tuple order(const Column<std::int32_t> &truth_category, const Column<std::int32_t> &truth_image,
                const Column<std::int32_t> &category, const Column<std::int32_t> &image, const Column<double> &score,
                std::size_t category_count, std::size_t image_count, std::size_t limit, std::size_t threads) {
    const Sizes sizes{category_count, image_count};
    const Placed truth = placed(truth_category, truth_image, sizes), predictions = placed(category, image, sizes);
    require_length(score, predictions.count, "columns differ in length");
    Task task = [&] {
        nb::gil_scoped_release release;
        return order_task(truth, predictions, score.data(), sizes, limit, threads);
    }();
    const auto rows = [](const UnfilledVector<std::uint32_t> &row) {
        return column_of<std::int64_t>(row.size(), [&](std::size_t i) { return row[i]; });
    };
    return nb::make_tuple(rows(task.truth_row), rows(task.row),
                          column_of<std::int32_t>(task.rank.size(), [&](std::size_t i) { return task.rank[i]; }),
                          group_table(task.groups));
}

// Offsets of categories as they come from NumPy: rising, and inside a table of `rows`.
std::vector<std::size_t> offsets_of(const Column<std::int64_t> &offsets, std::size_t rows) {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < offsets.shape(0); ++i) {
        const std::int64_t offset = offsets.data()[i];
        require(offset >= (i ? offsets.data()[i - 1] : 0) && offset <= static_cast<std::int64_t>(rows),
                "offsets do not rise, or leave the table");
        result.push_back(static_cast<std::size_t>(offset));
    }
    require(!result.empty(), "offsets are empty");
    return result;
}

void accumulate_columns(const Column<double> &score, const Column<std::int32_t> &rank, const Column<Mask> &found,
                        const Column<Mask> &not_counted, const Column<std::int64_t> &offsets,
                        const Column<Mask> &truth_ignored, const Column<std::int64_t> &truth_offsets,
                        const Column<std::int32_t> &max_dets, const std::string &interpolation, std::size_t threads,
                        const Output<double, 4> &precision, const Output<double, 3> &average_precision,
                        const Output<double, 4> &recall, const Output<std::int64_t, 2> &truth_count) {
    const std::size_t rows = score.shape(0);
    for (const std::size_t length : {rank.shape(0), found.shape(0), not_counted.shape(0)})
        require(length == rows, "prediction columns differ in length");
    const auto begin = offsets_of(offsets, rows), truth_begin = offsets_of(truth_offsets, truth_ignored.shape(0));
    const std::size_t thresholds = average_precision.shape(0), categories = average_precision.shape(1);
    const std::size_t areas = average_precision.shape(2);
    require(thresholds > 0 && thresholds * areas <= 64, "no threshold, or more than 64 pairs of threshold and area");
    require(begin.size() == categories + 1 && truth_begin.size() == categories + 1, "offsets differ in length");
    require(precision.shape(0) == thresholds && precision.shape(1) == drawn_levels &&
                precision.shape(2) == categories && precision.shape(3) == areas && recall.shape(0) == thresholds &&
                recall.shape(1) == categories && recall.shape(2) == areas && recall.shape(3) == max_dets.shape(0) &&
                truth_count.shape(0) == categories && truth_count.shape(1) == areas,
            "an output has another shape");
    const CurveInput input{score.data(),         rank.data(),       found.data(), not_counted.data(),
                           begin.data(),         truth_ignored.data(), truth_begin.data(), categories,
                           thresholds,           areas,             max_dets.data(), max_dets.shape(0),
                           interpolation_named(interpolation)};
    const Curves curves{precision.data(), average_precision.data(), recall.data(), truth_count.data()};
    nb::gil_scoped_release release;
    accumulate(input, curves, threads);
}

}  // namespace

void bind_ordering(nb::module_ &module) {
    module.def("order", &order, "truth_category"_a, "truth_image"_a, "category"_a, "image"_a, "score"_a,
               "category_count"_a, "image_count"_a, "limit"_a, "threads"_a);
    module.def("accumulate", &accumulate_columns, "score"_a, "rank"_a, "found"_a, "not_counted"_a, "offsets"_a,
               "truth_ignored"_a, "truth_offsets"_a, "max_dets"_a, "interpolation"_a, "threads"_a, "precision"_a,
               "average_precision"_a, "recall"_a, "truth_count"_a);
}

}  // namespace detbench::bindings
