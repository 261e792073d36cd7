// Bindings of RoIAlign, RoI max pooling and crop-and-resize.
#include "roi_pooling.hpp"

#include "bindings.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

template <typename T>
using FeatureMaps = nb::ndarray<const T, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

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
            region.shape(0), static_cast<T>(stride_px), out.shape(1), out.shape(2), out.data()};
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
void bind_for(nb::module_ &module) {
    const auto feature = nb::arg("feature").noconvert(), region = nb::arg("region").noconvert();
    const auto image = nb::arg("image").noconvert(), out = nb::arg("out").noconvert();
    module.def("roi_align", &align<T>, feature, region, image, "stride_px"_a, "points"_a, "aligned"_a, "threads"_a, out);
    module.def("roi_max_pool", &max_pool<T>, feature, region, image, "stride_px"_a, "threads"_a, out);
    module.def("crop_and_resize", &crop<T>, feature, region, image, "stride_px"_a, "threads"_a, out);
}

}  // namespace

void bind_roi_pooling(nb::module_ &module) {
    bind_for<float>(module);
    bind_for<double>(module);
}

}  // namespace detbench::bindings
