// Bindings of RoIAlign, RoI max pooling, crop-and-resize and the crop that is max-pooled.
#include "roi_pooling.hpp"

#include "bindings.hpp"
#include "streamed.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

template <typename T>
using FeatureMaps = nb::ndarray<const T, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

// Smaller answers may still be in a cache when they are read.
constexpr std::size_t least_streamed_bytes = std::size_t{32} << 20;

// What is pooled, and where to, once all of it fits together.
template <typename T>
Pooling<T> checked(const FeatureMaps<T> &feature, const Table<T> &region, const Column<std::int32_t> &image,
                   double stride_px, const Output<T, 4> &out) {
    require(feature.shape(1) > 0 && feature.shape(2) > 0, "a feature map has no cells");
    require(feature.shape(1) < UINT32_MAX && feature.shape(2) < UINT32_MAX, "a feature map is too large");
    require(region.shape(1) == 4, "regions have 4 columns");
    require_length(image, region.shape(0), "there is not one image for each region");
    require(out.shape(0) == region.shape(0) && out.shape(3) == feature.shape(3), "the output has another shape");
    require(out.shape(1) > 0 && out.shape(2) > 0, "there are no bins");
    require(stride_px > 0, "the stride is not above 0");
    for (std::size_t i = 0; i < image.shape(0); ++i)
        require(image.data()[i] >= 0 && static_cast<std::size_t>(image.data()[i]) < feature.shape(0),
                "a region lies on an image that is not there");
    return {feature.data(), feature.shape(1), feature.shape(2),           feature.shape(3), region.data(), image.data(),
            region.shape(0), static_cast<T>(stride_px), out.shape(1), out.shape(2), out.data(),
            out.nbytes() >= least_streamed_bytes && can_stream(out.data(), out.shape(3) * sizeof(T))};
}

template <typename T>
void align(const FeatureMaps<T> &feature, const Table<T> &region, const Column<std::int32_t> &image, double stride_px,
           std::size_t points, bool aligned, std::size_t threads, const Output<T, 4> &out) {
    const Pooling<T> pooling = checked(feature, region, image, stride_px, out);
    nb::gil_scoped_release release;
    roi_align(pooling, points, aligned, threads);
}

template <typename T>
void max_pool(const FeatureMaps<T> &feature, const Table<T> &region, const Column<std::int32_t> &image,
              double stride_px, std::size_t threads, const Output<T, 4> &out) {
    const Pooling<T> pooling = checked(feature, region, image, stride_px, out);
    nb::gil_scoped_release release;
    roi_max_pool(pooling, threads);
}

template <typename T>
void crop(const FeatureMaps<T> &feature, const Table<T> &region, const Column<std::int32_t> &image, double stride_px,
          std::size_t threads, const Output<T, 4> &out) {
    const Pooling<T> pooling = checked(feature, region, image, stride_px, out);
    nb::gil_scoped_release release;
    crop_and_resize(pooling, threads);
}

template <typename T>
void crop_max(const FeatureMaps<T> &feature, const Table<T> &region, const Column<std::int32_t> &image,
              double stride_px, std::size_t points_down, std::size_t points_across, std::size_t threads,
              const Output<T, 4> &out) {
    const Pooling<T> pooling = checked(feature, region, image, stride_px, out);
    require(pooling.down == points_down / 2 && pooling.across == points_across / 2, "the output has another shape");
    nb::gil_scoped_release release;
    crop_max_pool(pooling, points_down, points_across, threads);
}

template <typename T>
void bind_for(nb::module_ &module) {
    const auto feature = nb::arg("feature").noconvert(), region = nb::arg("region").noconvert();
    const auto image = nb::arg("image").noconvert(), out = nb::arg("out").noconvert();
    module.def("roi_align", &align<T>, feature, region, image, "stride_px"_a, "points"_a, "aligned"_a, "threads"_a, out);
    module.def("roi_max_pool", &max_pool<T>, feature, region, image, "stride_px"_a, "threads"_a, out);
    module.def("crop_and_resize", &crop<T>, feature, region, image, "stride_px"_a, "threads"_a, out);
    module.def("crop_max_pool", &crop_max<T>, feature, region, image, "stride_px"_a, "points_down"_a, "points_across"_a,
               "threads"_a, out);
}

}  // namespace

void bind_roi_pooling(nb::module_ &module) {
    bind_for<float>(module);
    bind_for<double>(module);
}

}  // namespace detbench::bindings
