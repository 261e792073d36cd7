#include "box_overlaps.hpp"

#include <algorithm>
#include <vector>

#include "parallel.hpp"
#include "vectors.hpp"

namespace detbench {
namespace {

// NumPy's minimum and maximum: NaN if either is.
template <typename T>
[[gnu::always_inline]] inline T least(T a, T b) {
    return (a < b) | (a != a) ? a : b;
}
template <typename T>
[[gnu::always_inline]] inline T most(T a, T b) {
    return (a > b) | (a != a) ? a : b;
}

// 0 where it is negative or NaN.
template <typename T>
[[gnu::always_inline]] inline T length(T low, T high) {
    const T difference = high - low;
    return difference > 0 ? difference : T(0);
}

// 0 where `whole` is not above 0.
template <typename T>
[[gnu::always_inline]] inline T ratio(T part, T whole) {
    const T quotient = part / whole;
    return whole > 0 ? quotient : T(0);
}

// A box, and what is the same with whichever it is paired.
template <typename T>
struct Box {
    T x1, y1, x2, y2, area, x, y, angle;
};

template <typename T>
Box<T> box_at(const BoxTable<T> &table, std::size_t i) {
    const T *const corner = table.corners + 4 * i;
    const T x1 = corner[0], y1 = corner[1], x2 = corner[2], y2 = corner[3];
    return {x1, y1, x2, y2, length(x1, x2) * length(y1, y2), x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2,
            table.angle ? table.angle[i] : T(0)};
}

// The same, column by column.
template <typename T>
struct BoxColumns {
    std::vector<T> x1, y1, x2, y2, area, x, y, angle;

    explicit BoxColumns(const BoxTable<T> &table) {
        for (auto *column : {&x1, &y1, &x2, &y2, &area, &x, &y, &angle}) column->resize(table.count);
        for (std::size_t i = 0; i < table.count; ++i) {
            const Box<T> box = box_at(table, i);
            x1[i] = box.x1, y1[i] = box.y1, x2[i] = box.x2, y2[i] = box.y2;
            area[i] = box.area, x[i] = box.x, y[i] = box.y, angle[i] = box.angle;
        }
    }
};

template <Overlap kind, typename T>
[[gnu::always_inline]] inline T overlap(const Box<T> &a, const Box<T> &b) {
    const T intersection =
        length(most(a.x1, b.x1), least(a.x2, b.x2)) * length(most(a.y1, b.y1), least(a.y2, b.y2));
    const T whole = a.area + b.area - intersection, iou = ratio(intersection, whole);
    if constexpr (kind == Overlap::iou) return iou;
    const T width = length(least(a.x1, b.x1), most(a.x2, b.x2)), height = length(least(a.y1, b.y1), most(a.y2, b.y2));
    if constexpr (kind == Overlap::giou) return iou - ratio(width * height - whole, width * height);
    const T x = a.x - b.x, y = a.y - b.y;
    const T diou = iou - ratio(x * x + y * y, width * width + height * height);
    if constexpr (kind == Overlap::diou) return diou;
    constexpr T of_shape = static_cast<T>(4 / (3.141592653589793 * 3.141592653589793));
    const T difference = a.angle - b.angle, v = difference * difference * of_shape;
    return diou - ratio(v, 1 - iou + v) * v;
}

template <Overlap kind, typename T>
[[gnu::always_inline]] inline void overlap_row(const Box<T> &a, const BoxColumns<T> &b, T *__restrict out) {
    const T *const x1 = b.x1.data(), *const y1 = b.y1.data(), *const x2 = b.x2.data(), *const y2 = b.y2.data();
    const T *const area = b.area.data(), *const x = b.x.data(), *const y = b.y.data(), *const angle = b.angle.data();
    const std::size_t count = b.x1.size();
    for (std::size_t j = 0; j < count; ++j)
        out[j] = overlap<kind>(a, Box<T>{x1[j], y1[j], x2[j], y2[j], area[j], x[j], y[j], angle[j]});
}

template <typename T>
[[gnu::always_inline]] inline void overlap_row(Overlap kind, const Box<T> &a, const BoxColumns<T> &b, T *out) {
    if (kind == Overlap::iou) return overlap_row<Overlap::iou>(a, b, out);
    if (kind == Overlap::giou) return overlap_row<Overlap::giou>(a, b, out);
    if (kind == Overlap::diou) return overlap_row<Overlap::diou>(a, b, out);
    overlap_row<Overlap::ciou>(a, b, out);
}

DETBENCH_FOR_ALL_VECTORS void row_of(Overlap kind, const Box<float> &a, const BoxColumns<float> &b, float *out) {
    overlap_row(kind, a, b, out);
}
DETBENCH_FOR_ALL_VECTORS void row_of(Overlap kind, const Box<double> &a, const BoxColumns<double> &b, double *out) {
    overlap_row(kind, a, b, out);
}

// Rows are handed out in runs of about so many pairs.
constexpr std::size_t pairs_per_run = std::size_t{1} << 16;

}  // namespace

template <typename T>
void overlap_all(Overlap kind, const BoxTable<T> &a, const BoxTable<T> &b, std::size_t threads, T *out) {
    if (a.count == 0 || b.count == 0) return;
    const BoxColumns<T> columns(b);
    const std::size_t rows = std::max<std::size_t>(pairs_per_run / b.count, 1);
    share(threads, (a.count + rows - 1) / rows, [&](Pieces &pieces) {
        while (const auto piece = pieces.next())
            for (std::size_t i = *piece * rows; i < std::min((*piece + 1) * rows, a.count); ++i)
                row_of(kind, box_at(a, i), columns, out + i * b.count);
    });
}

template void overlap_all(Overlap, const BoxTable<float> &, const BoxTable<float> &, std::size_t, float *);
template void overlap_all(Overlap, const BoxTable<double> &, const BoxTable<double> &, std::size_t, double *);

}  // namespace detbench
