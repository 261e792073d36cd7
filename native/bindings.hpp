// NumPy arrays as the bindings take them, and what they check. Shapes are checked here; the core trusts them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "bootstrap.hpp"

namespace detbench::bindings {

namespace nb = nanobind;

template <typename T>
using Column = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Table = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T, std::size_t Dimensions>
using Output = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

inline void require(bool condition, const char *what) {
    if (!condition) throw std::invalid_argument(what);
}

template <typename T>
void require_length(const T &array, std::size_t length, const char *what) {
    require(array.shape(0) == length, what);
}

// A protocol's name of how a curve becomes a number.
inline Interpolation interpolation_named(const std::string &name) {
    if (name == "11-point") return Interpolation::points_11;
    if (name == "all-point") return Interpolation::all_points;
    require(name == "101-point", "there is no such interpolation");
    return Interpolation::points_101;
}

void bind_errors(nb::module_ &module);
void bind_matching(nb::module_ &module);
void bind_nms(nb::module_ &module);
void bind_ordering(nb::module_ &module);
void bind_resampling(nb::module_ &module);
void bind_scores(nb::module_ &module);
void bind_scan(nb::module_ &module);
void bind_roi_pooling(nb::module_ &module);
void bind_iou(nb::module_ &module);
void bind_memory(nb::module_ &module);

}  // namespace detbench::bindings
