// Binding of the overlaps of boxes.
#include "box_overlaps.hpp"

#include <nanobind/stl/string.h>

#include "bindings.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

Overlap overlap_named(const std::string &name) {
    if (name == "giou") return Overlap::giou;
    if (name == "diou") return Overlap::diou;
    if (name == "ciou") return Overlap::ciou;
    require(name == "iou", "there is no such overlap");
    return Overlap::iou;
}

// Angles are as many as boxes, or none where the overlap needs none.
template <typename T>
void box_overlaps(const std::string &name, const Table<T> &a, const Column<T> &angle_a, const Table<T> &b,
                  const Column<T> &angle_b, std::size_t threads, const Output<T, 2> &out) {
    const Overlap kind = overlap_named(name);
    const bool angles = kind == Overlap::ciou;
    require(a.shape(1) == 4 && b.shape(1) == 4, "boxes have 4 columns");
    require_length(angle_a, angles ? a.shape(0) : 0, "there is not one angle for each box");
    require_length(angle_b, angles ? b.shape(0) : 0, "there is not one angle for each box");
    require(out.shape(0) == a.shape(0) && out.shape(1) == b.shape(0), "the output has another shape");
    const BoxTable<T> first{a.data(), angles ? angle_a.data() : nullptr, a.shape(0)};
    const BoxTable<T> second{b.data(), angles ? angle_b.data() : nullptr, b.shape(0)};
    nb::gil_scoped_release release;
    overlap_all(kind, first, second, threads, out.data());
}

template <typename T>
void bind_for(nb::module_ &module) {
    module.def("box_overlaps", &box_overlaps<T>, "name"_a, nb::arg("a").noconvert(), nb::arg("angle_a").noconvert(),
               nb::arg("b").noconvert(), nb::arg("angle_b").noconvert(), "threads"_a, nb::arg("out").noconvert());
}

}  // namespace

void bind_iou(nb::module_ &module) {
    bind_for<float>(module);
    bind_for<double>(module);
}

}  // namespace detbench::bindings
