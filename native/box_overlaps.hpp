// IoU, GIoU, DIoU and CIoU of every box with every other, to the last bit as the NumPy reference has them.
#pragma once

#include <cstddef>

namespace detbench {

enum class Overlap { iou, giou, diou, ciou };

// Boxes x1 y1 x2 y2, [count, 4], and for CIoU the angle of each whose tangent is width over height. Angles are given
// because every mathematical library has its own last bit of an arc tangent.
template <typename T>
struct BoxTable {
    const T *corners, *angle;
    std::size_t count;
};

// Writes out[i, j], of box i of `a` and box j of `b`.
template <typename T>
void overlap_all(Overlap kind, const BoxTable<T> &a, const BoxTable<T> &b, std::size_t threads, T *out);

}  // namespace detbench
