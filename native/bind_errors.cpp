// Binding of the overlaps that error analysis looks at.
#include "cross_iou.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "handover.hpp"
#include "parallel.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

// Images are handed out in runs of this many; a run's pairs are kept together, so that the order is that of images.
constexpr std::size_t images_per_run = 64;

void require_rows(const Column<std::int32_t> &row, const Column<std::int64_t> &offsets, std::size_t count) {
    const std::size_t last = offsets.shape(0) - 1;
    require(offsets.data()[0] == 0 && offsets.data()[last] == static_cast<std::int64_t>(row.shape(0)),
            "offsets do not hold all rows");
    for (std::size_t i = 0; i < last; ++i)
        require(offsets.data()[i] <= offsets.data()[i + 1], "offsets do not ascend");
    for (std::size_t i = 0; i < row.shape(0); ++i)
        require(0 <= row.data()[i] && static_cast<std::size_t>(row.data()[i]) < count, "a row leaves its table");
}

// One column of all runs, one after another.
template <typename T>
nb::object joined(const std::vector<Pairs> &runs, std::vector<T> Pairs::*column) {
    std::size_t total = 0;
    for (const Pairs &run : runs) total += (run.*column).size();
    UnfilledVector<T> values(total);
    T *end = values.data();
    for (const Pairs &run : runs) end = std::copy((run.*column).begin(), (run.*column).end(), end);
    return owned<T>(std::move(values), std::array{total});
}

nb::tuple overlaps(const Table<double> &truth_box, const Column<double> &truth_area,
                   const Column<std::int32_t> &truth_row, const Column<std::int64_t> &truth_offsets,
                   const Table<double> &box, const Column<double> &area, const Column<std::int32_t> &row,
                   const Column<std::int64_t> &offsets, double at_least, bool inclusive, std::size_t threads) {
    require(truth_box.shape(1) == 4 && box.shape(1) == 4, "boxes have 4 columns");
    require_length(truth_area, truth_box.shape(0), "ground truth columns differ in length");
    require_length(area, box.shape(0), "prediction columns differ in length");
    require(offsets.shape(0) > 0 && offsets.shape(0) == truth_offsets.shape(0), "offsets differ in length");
    require_rows(truth_row, truth_offsets, truth_box.shape(0));
    require_rows(row, offsets, box.shape(0));
    const BoxesByImage truth{{truth_box.data(), truth_area.data()}, truth_row.data(), truth_offsets.data()};
    const BoxesByImage predictions{{box.data(), area.data()}, row.data(), offsets.data()};
    const std::size_t images = offsets.shape(0) - 1;
    std::vector<Pairs> runs((images + images_per_run - 1) / images_per_run);
    {
        nb::gil_scoped_release release;
        share(threads, runs.size(), [&](Pieces &pieces) {
            while (const auto run = pieces.next())
                find_overlaps(truth, predictions, *run * images_per_run, std::min((*run + 1) * images_per_run, images),
                              at_least, inclusive, runs[*run]);
        });
    }
    return nb::make_tuple(joined(runs, &Pairs::prediction), joined(runs, &Pairs::truth), joined(runs, &Pairs::iou));
}

}  // namespace

void bind_errors(nb::module_ &module) {
    module.def("overlaps", &overlaps, nb::kw_only(), "truth_box"_a, "truth_area"_a, "truth_row"_a, "truth_offsets"_a,
               "box"_a, "area"_a, "row"_a, "offsets"_a, "at_least"_a, "inclusive"_a, "threads"_a);
}

}  // namespace detbench::bindings
