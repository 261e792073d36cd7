// Overlaps of one box with many, whose coordinates stand in columns: several at a time. The arithmetic is the
// reference's, in its type and order. Blocks of eight make lists, of which is asked whether any overlaps enough.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "unfilled.hpp"

// Into functions that are compiled for several processors, others must be pulled to be compiled for them too.
#if defined(__GNUC__) || defined(__clang__)
#define DETBENCH_INLINE __attribute__((always_inline)) inline
#else
#define DETBENCH_INLINE inline
#endif

namespace detbench {

template <typename Real>
struct Box {
    Real x1, y1, x2, y2, area;
    std::int32_t category;
};

template <typename Real>
inline Box<Real> box_at(const Real *corner, std::int32_t category) {
    const Real area = (corner[2] - corner[0]) * (corner[3] - corner[1]);
    return {corner[0], corner[1], corner[2], corner[3], area, category};
}

// Whether its area is a finite positive number; the IoU of any other is 0.
template <typename Real>
inline bool has_area(const Box<Real> &box) {
    return box.area > 0 && box.area <= std::numeric_limits<Real>::max();
}

inline constexpr std::size_t lanes_each = 8;
inline constexpr std::uint32_t no_block = ~std::uint32_t{0};

// Empty places hold a point with an area of 1: it overlaps nothing, and no union with it is 0.
template <typename Real>
struct Block {
    Block() { area.fill(1); }

    void put(const Box<Real> &box) {
        x1[filled] = box.x1;
        y1[filled] = box.y1;
        x2[filled] = box.x2;
        y2[filled] = box.y2;
        area[filled] = box.area;
        category[filled++] = box.category;
    }
    Box<Real> at(std::size_t i) const { return {x1[i], y1[i], x2[i], y2[i], area[i], category[i]}; }

    std::array<Real, lanes_each> x1{}, y1{}, x2{}, y2{}, area;
    std::array<std::int32_t, lanes_each> category{};
    std::uint32_t next = no_block, filled = 0;
};

// Of boxes that have an area, or of such points.
template <typename Real>
DETBENCH_INLINE Real intersection_over_union(const Box<Real> &a, const Box<Real> &b) {
    const Real width = (a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
    const Real height = (a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
    const Real common = (width > 0 ? width : 0) * (height > 0 ? height : 0);
    return common / (a.area + b.area - common);
}

// Any number of boxes, a column a coordinate.
template <typename Real>
struct Columns {
    void push_back(const Box<Real> &box) {
        resize(x1.size() + 1);
        set(x1.size() - 1, box);
    }
    void set(std::size_t i, const Box<Real> &box) {
        x1[i] = box.x1;
        y1[i] = box.y1;
        x2[i] = box.x2;
        y2[i] = box.y2;
        area[i] = box.area;
    }
    Box<Real> at(std::size_t i) const { return {x1[i], y1[i], x2[i], y2[i], area[i], 0}; }
    void resize(std::size_t count) {
        for (UnfilledVector<Real> *column : {&x1, &y1, &x2, &y2, &area}) column->resize(count);
    }

    UnfilledVector<Real> x1, y1, x2, y2, area;
};

// Whether one of the list that begins at `first` has the box's category and an IoU with it above `threshold`.
bool any_overlaps(const Block<float> *blocks, std::uint32_t first, const Box<float> &box, float threshold);
bool any_overlaps(const Block<double> *blocks, std::uint32_t first, const Box<double> &box, double threshold);


// The IoU of each of `boxes` with `one`.
void overlaps_of(const Box<float> &one, const Columns<float> &boxes, float *iou);
void overlaps_of(const Box<double> &one, const Columns<double> &boxes, double *iou);

}  // namespace detbench
