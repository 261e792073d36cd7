// Bindings of resampling.
#include "bootstrap.hpp"

#include "bindings.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

void resample_block(const Column<std::int32_t> &image, const Column<std::int32_t> &rank, const Column<Mask> &found, const Column<Mask> &not_counted,
                    const Column<std::int64_t> &offsets, const Column<std::int32_t> &truth_image,
                    const Column<Mask> &truth_ignored, const Column<std::int64_t> &truth_offsets,
                    std::size_t bit_count, const Column<double> &levels, int interpolation,
                    const Column<std::int32_t> &max_dets, const Table<std::uint8_t> &weight,
                    const Output<double, 3> &average_precision, const Output<double, 4> &recall) {
    const std::size_t categories = offsets.shape(0) - 1;
    require(offsets.shape(0) >= 1, "offsets are empty");
    require_length(truth_offsets, categories + 1, "truth_offsets differ in length from offsets");
    require(found.shape(0) == image.shape(0) && not_counted.shape(0) == image.shape(0) &&
                rank.shape(0) == image.shape(0),
            "prediction columns differ in length");
    require_length(truth_ignored, truth_image.shape(0), "ground truth columns differ in length");
    require(weight.shape(1) == lanes, "weight has another number of lanes");
    require(bit_count <= 64, "more than 64 bits");
    require(average_precision.shape(0) == categories && average_precision.shape(1) == bit_count &&
                average_precision.shape(2) == lanes,
            "average_precision has another shape");
    require(recall.shape(0) == categories && recall.shape(1) == bit_count && recall.shape(2) == max_dets.shape(0) &&
                recall.shape(3) == lanes,
            "recall has another shape");
    const auto check_offsets = [&](const Column<std::int64_t> &column, std::size_t rows) {
        for (std::size_t i = 0; i < column.shape(0); ++i)
            require(column.data()[i] >= (i ? column.data()[i - 1] : 0) &&
                        column.data()[i] <= static_cast<std::int64_t>(rows),
                    "offsets do not rise, or leave the table");
    };
    check_offsets(offsets, image.shape(0));
    check_offsets(truth_offsets, truth_image.shape(0));
    for (const auto *column : {&image, &truth_image})
        for (std::size_t i = 0; i < column->shape(0); ++i)
            require(0 <= column->data()[i] && column->data()[i] < static_cast<std::int64_t>(weight.shape(0)),
                    "an image has no weight");
    const ResampleInput input{image.data(),
                              rank.data(),
                              found.data(),
                              not_counted.data(),
                              offsets.data(),
                              truth_image.data(),
                              truth_ignored.data(),
                              truth_offsets.data(),
                              categories,
                              bit_count,
                              levels.data(),
                              levels.shape(0),
                              static_cast<Interpolation>(interpolation),
                              max_dets.data(),
                              max_dets.shape(0)};
    nb::gil_scoped_release release;
    resample(input, weight.data(), average_precision.data(), recall.data());
}

}  // namespace

void bind_resampling(nb::module_ &module) {
    module.attr("LANES") = lanes;
    module.def("resample_block", &resample_block, "image"_a, "rank"_a, "found"_a, "not_counted"_a, "offsets"_a, "truth_image"_a,
               "truth_ignored"_a, "truth_offsets"_a, "bit_count"_a, "levels"_a, "interpolation"_a, "max_dets"_a, "weight"_a,
               "average_precision"_a, "recall"_a);
}

}  // namespace detbench::bindings
