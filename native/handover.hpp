// Columns handed to NumPy: without a copy, each with its memory.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "matching.hpp"

namespace detbench::bindings {

namespace nb = nanobind;

// An array of `shape` over memory that the array owns from now on.
template <typename T, std::size_t Dimensions>
nb::object owned(std::unique_ptr<T[]> values, const std::array<std::size_t, Dimensions> &shape) {
    T *data = values.get();
    nb::capsule owner(data, [](void *memory) noexcept { delete[] static_cast<T *>(memory); });
    (void)values.release();
    return nb::cast(nb::ndarray<nb::numpy, T>(data, Dimensions, shape.data(), owner));
}

// An array of `count` values, the i-th `value(i)`.
template <typename T, typename Value>
nb::object column_of(std::size_t count, const Value &value) {
    std::unique_ptr<T[]> values(new T[count]);
    for (std::size_t i = 0; i < count; ++i) values[i] = value(i);
    return owned(std::move(values), std::array{count});
}

// A table of `count` rows of `Width` values; `fill(i, row)` writes row i.
template <typename T, std::size_t Width, typename Fill>
nb::object table_of(std::size_t count, const Fill &fill) {
    std::unique_ptr<T[]> values(new T[Width * count]);
    for (std::size_t i = 0; i < count; ++i) fill(i, values.get() + Width * i);
    return owned(std::move(values), std::array{count, Width});
}

// A read-only array over memory that `owner` keeps.
template <typename T>
nb::object view(const std::vector<T> &values, std::initializer_list<std::size_t> shape, nb::handle owner) {
    return nb::cast(nb::ndarray<nb::numpy, const T>(values.data(), shape.size(), shape.begin(), owner));
}

// int64 `[P, 4]`, one row a group.
inline nb::object group_table(const std::vector<Group> &groups) {
    return table_of<std::int64_t, 4>(groups.size(), [&](std::size_t g, std::int64_t *row) {
        row[0] = static_cast<std::int64_t>(groups[g].truth_begin);
        row[1] = static_cast<std::int64_t>(groups[g].truth_end);
        row[2] = static_cast<std::int64_t>(groups[g].prediction_begin);
        row[3] = static_cast<std::int64_t>(groups[g].prediction_end);
    });
}

}  // namespace detbench::bindings
