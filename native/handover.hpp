// Columns handed to NumPy: without a copy, each with its memory.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "unfilled.hpp"
#include "matching.hpp"

namespace detbench::bindings {

namespace nb = nanobind;

// What values of an array are kept as: a vector of bool is none of them.
template <typename T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

// An array of `shape` that owns its values.
template <typename T, std::size_t Dimensions>
nb::object owned(UnfilledVector<Stored<T>> &&values, const std::array<std::size_t, Dimensions> &shape) {
    using Values = UnfilledVector<Stored<T>>;
    auto kept = std::make_unique<Values>(std::move(values));
    nb::capsule owner(kept.get(), [](void *memory) noexcept { delete static_cast<Values *>(memory); });
    T *const data = reinterpret_cast<T *>(kept.release()->data());
    return nb::cast(nb::ndarray<nb::numpy, T>(data, Dimensions, shape.data(), owner));
}

// An array of `count` values, the i-th `value(i)`. Filling it needs no Python: other threads may go on.
template <typename T, typename Value>
nb::object column_of(std::size_t count, const Value &value) {
    UnfilledVector<Stored<T>> values(count);
    {
        nb::gil_scoped_release release;
        for (std::size_t i = 0; i < count; ++i) values[i] = value(i);
    }
    return owned<T>(std::move(values), std::array{count});
}

// A table of `count` rows of `Width` values; `fill(i, row)` writes row i, without Python.
template <typename T, std::size_t Width, typename Fill>
nb::object table_of(std::size_t count, const Fill &fill) {
    UnfilledVector<T> values(Width * count);
    {
        nb::gil_scoped_release release;
        for (std::size_t i = 0; i < count; ++i) fill(i, values.data() + Width * i);
    }
    return owned<T>(std::move(values), std::array{count, Width});
}

// A read-only array over memory that `owner` keeps.
template <typename T, typename Allocator>
nb::object view(const std::vector<T, Allocator> &values, std::initializer_list<std::size_t> shape, nb::handle owner) {
    return nb::cast(nb::ndarray<nb::numpy, const T>(values.data(), shape.size(), shape.begin(), owner));
}

// int64 `[P, 4]`, one row a group.
inline nb::object group_table(const UnfilledVector<Group> &groups) {
    return table_of<std::int64_t, 4>(groups.size(), [&](std::size_t g, std::int64_t *row) {
        row[0] = static_cast<std::int64_t>(groups[g].truth_begin);
        row[1] = static_cast<std::int64_t>(groups[g].truth_end);
        row[2] = static_cast<std::int64_t>(groups[g].prediction_begin);
        row[3] = static_cast<std::int64_t>(groups[g].prediction_end);
    });
}

}  // namespace detbench::bindings
