// Bindings of resampling.
#include "bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bindings.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

void check_offsets(const Column<std::int64_t> &offsets, std::size_t rows) {
    for (std::size_t i = 0; i < offsets.shape(0); ++i)
        require(offsets.data()[i] >= (i ? offsets.data()[i - 1] : 0) &&
                    offsets.data()[i] <= static_cast<std::int64_t>(rows),
                "offsets do not rise, or leave the table");
}

// A Resampler and what its calls are checked against.
struct Bound {
    Resampler resampler;
    std::int32_t image_count;
};

std::int32_t images_of(const Column<std::int32_t> &image, const Column<std::int32_t> &truth_image) {
    std::int32_t count = 0;
    for (const auto *column : {&image, &truth_image})
        for (std::size_t i = 0; i < column->shape(0); ++i) {
            require(0 <= column->data()[i] && column->data()[i] < std::numeric_limits<std::int32_t>::max(),
                    "an image is below 0 or too large");
            count = std::max(count, column->data()[i] + 1);
        }
    return count;
}

void make(Bound *self, const Column<std::int32_t> &image, const Column<std::int32_t> &rank, const Column<Mask> &found,
          const Column<Mask> &not_counted, const Column<std::int64_t> &offsets, const Column<std::int32_t> &truth_image,
          const Column<Mask> &truth_ignored, const Column<std::int64_t> &truth_offsets, std::size_t bit_count,
          const Column<double> &levels, int interpolation, const Column<std::int32_t> &max_dets) {
    require(offsets.shape(0) >= 1, "offsets are empty");
    const std::size_t categories = offsets.shape(0) - 1;
    require_length(truth_offsets, categories + 1, "truth_offsets differ in length from offsets");
    require(found.shape(0) == image.shape(0) && not_counted.shape(0) == image.shape(0) &&
                rank.shape(0) == image.shape(0),
            "prediction columns differ in length");
    require_length(truth_ignored, truth_image.shape(0), "ground truth columns differ in length");
    require(1 <= bit_count && bit_count <= 64, "bit_count is not 1 to 64");
    check_offsets(offsets, image.shape(0));
    check_offsets(truth_offsets, truth_image.shape(0));
    require(interpolation == static_cast<int>(Interpolation::all_points) || levels.shape(0) > 1, "levels are missing");
    for (std::size_t i = 0; i < levels.shape(0); ++i)
        require(std::abs(levels.data()[i] - static_cast<double>(i) / static_cast<double>(levels.shape(0) - 1)) < 1e-9,
                "levels are not evenly spaced from 0 to 1");
    for (std::size_t i = 1; i < max_dets.shape(0); ++i)
        require(max_dets.data()[i - 1] <= max_dets.data()[i], "max_dets do not ascend");
    const std::int32_t image_count = images_of(image, truth_image);
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
    new (self) Bound{Resampler(input), image_count};
}

void block(const Bound &self, const Table<std::uint8_t> &weight, const Output<double, 3> &average_precision,
           const Output<double, 4> &recall) {
    const Resampler &resampler = self.resampler;
    require(weight.shape(1) == lanes, "weight has another number of lanes");
    require(weight.shape(0) >= static_cast<std::size_t>(self.image_count), "an image has no weight");
    require(average_precision.shape(0) == resampler.category_count() &&
                average_precision.shape(1) == resampler.bit_count() && average_precision.shape(2) == lanes,
            "average_precision has another shape");
    require(recall.shape(0) == resampler.category_count() && recall.shape(1) == resampler.bit_count() &&
                recall.shape(2) == resampler.max_dets_count() && recall.shape(3) == lanes,
            "recall has another shape");
    nb::gil_scoped_release release;
    resampler.block(weight.data(), average_precision.data(), recall.data());
}

void bound_weighted_sums(const Table<double> &per_image, const Table<std::uint8_t> &weight,
                         const Output<double, 2> &out) {
    require(weight.shape(1) == lanes, "weight has another number of lanes");
    require_length(weight, per_image.shape(0), "weight has another number of images");
    require(out.shape(0) == per_image.shape(1) && out.shape(1) == lanes, "out has another shape");
    nb::gil_scoped_release release;
    weighted_sums(per_image.data(), per_image.shape(0), per_image.shape(1), weight.data(), out.data());
}

}  // namespace

void bind_resampling(nb::module_ &module) {
    module.attr("LANES") = lanes;
    nb::class_<Bound>(module, "Resampler")
        .def("__init__", &make, "image"_a, "rank"_a, "found"_a, "not_counted"_a, "offsets"_a, "truth_image"_a,
             "truth_ignored"_a, "truth_offsets"_a, "bit_count"_a, "levels"_a, "interpolation"_a, "max_dets"_a)
        .def("block", &block, "weight"_a, "average_precision"_a, "recall"_a);
    module.def("weighted_sums", &bound_weighted_sums, "per_image"_a, "weight"_a, "out"_a);
}

}  // namespace detbench::bindings
