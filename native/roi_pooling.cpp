#include "roi_pooling.hpp"

#include <algorithm>
#include <vector>

#include "parallel.hpp"
#include "roi_taps.hpp"
#include "streamed.hpp"
#include "unfilled.hpp"
#include "vectors.hpp"

namespace detbench {
namespace {

// How several numbers become one.
enum class Rule { weighted_sum, maximum };

// Neighbouring columns of the map that are needed: the first, how many, and at which place of the line they are.
struct Run {
    std::size_t column, columns, place;
};

// A region on its map, along both axes; the cells of `across` are places in a line, which has those needed at all.
template <typename T>
struct Window {
    Taps<T> down, across;
    std::vector<Run> run;
    std::vector<std::uint32_t> place;
    std::vector<T> dense;
    UnfilledVector<T> line, other_line, bin;
};

// The greater one; NaN is above any number.
template <typename T>
[[gnu::always_inline]] inline T greater(T a, T b) {
    const T number = b > a ? b : a;
    return b != b ? b : number;
}

// `to[i]` becomes what cells `cell[0]`, `cell[1]`, … give; cell c begins at `from + step * c` and is `wide` numbers.
// Numbers beside each other are combined alike, be they channels or columns, so that loops are long and have no branch.
template <Rule rule, typename T>
[[gnu::always_inline]] inline void combine(const T *from, std::size_t step, const std::uint32_t *cell, const T *weight,
                                           std::size_t count, std::size_t wide, T *__restrict to) {
    const auto at = [&](std::size_t tap) { return from + step * cell[tap]; };
    if (count == 0) {
        std::fill_n(to, wide, T(0));
        return;
    }
    const T *const a = at(0);
    if (count == 1) {
        if constexpr (rule == Rule::maximum) std::copy_n(a, wide, to);
        else
            for (std::size_t i = 0; i < wide; ++i) to[i] = a[i] * weight[0];
        return;
    }
    const T *const b = at(1);
    if (count == 2) {
        for (std::size_t i = 0; i < wide; ++i)
            if constexpr (rule == Rule::maximum) to[i] = greater(a[i], b[i]);
            else to[i] = a[i] * weight[0] + b[i] * weight[1];
        return;
    }
    const T *const c = at(2);
    for (std::size_t i = 0; i < wide; ++i)
        if constexpr (rule == Rule::maximum) to[i] = greater(greater(a[i], b[i]), c[i]);
        else to[i] = a[i] * weight[0] + b[i] * weight[1] + c[i] * weight[2];
    std::size_t tap = 3;
    for (; tap + 2 <= count; tap += 2) {
        const T *const d = at(tap), *const e = at(tap + 1);
        for (std::size_t i = 0; i < wide; ++i)
            if constexpr (rule == Rule::maximum) to[i] = greater(greater(to[i], d[i]), e[i]);
            else to[i] = to[i] + d[i] * weight[tap] + e[i] * weight[tap + 1];
    }
    if (tap == count) return;
    const T *const d = at(tap);
    for (std::size_t i = 0; i < wide; ++i)
        if constexpr (rule == Rule::maximum) to[i] = greater(to[i], d[i]);
        else to[i] += d[i] * weight[tap];
}

// A row of bins, before they are told apart across: one line of cells. Returns where it is: in `line`, or on the map.
template <Rule rule, typename T>
[[gnu::always_inline]] inline const T *fill_line(const T *map, const Pooling<T> &pooling, const Window<T> &window,
                                                 std::size_t y, T *line) {
    const std::uint32_t begin = window.down.begin[y], count = window.down.begin[y + 1] - begin;
    if (rule == Rule::maximum && count == 1 && window.run.size() == 1)
        return map + (window.down.cell[begin] * pooling.width + window.run[0].column) * pooling.channels;
    for (const Run &run : window.run)
        combine<rule>(map + run.column * pooling.channels, pooling.width * pooling.channels,
                      window.down.cell.data() + begin, window.down.weight.data() + begin, count,
                      run.columns * pooling.channels, line + run.place * pooling.channels);
    return line;
}

// Bin x of a row whose line is there.
template <Rule rule, typename T>
[[gnu::always_inline]] inline void fill_bin(const T *line, const Pooling<T> &pooling, const Window<T> &window,
                                            std::size_t x, T *bin) {
    const std::uint32_t begin = window.across.begin[x], count = window.across.begin[x + 1] - begin;
    combine<rule>(line, pooling.channels, window.across.cell.data() + begin, window.across.weight.data() + begin, count,
                  pooling.channels, bin);
}

// Each row of bins first becomes one line of cells, which the bins of the row then share.
template <Rule rule, typename T>
[[gnu::always_inline]] inline void pool_region(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) {
    for (std::size_t y = 0; y < pooling.down; ++y) {
        const T *const line = fill_line<rule>(map, pooling, window, y, window.line.data());
        for (std::size_t x = 0; x < pooling.across; ++x, out += pooling.channels) {
            if (!pooling.streamed) {
                fill_bin<rule>(line, pooling, window, x, out);
                continue;
            }
            fill_bin<rule>(line, pooling, window, x, window.bin.data());
            stream(window.bin.data(), pooling.channels, out);
        }
    }
}

// The greatest of the four points, two on each of two lines, that bin x is made of; most have two cells across.
template <typename T>
[[gnu::always_inline]] inline void greatest_point(const T *upper, const T *lower, const Pooling<T> &pooling,
                                                  Window<T> &window, std::size_t x, T *__restrict out) {
    const std::uint32_t *const begin = window.across.begin.data() + 2 * x;
    const std::uint32_t *const cell = window.across.cell.data() + *begin;
    const T *const weight = window.across.weight.data() + *begin;
    const std::size_t channels = pooling.channels;
    if (begin[1] - begin[0] == 2 && begin[2] - begin[1] == 2) {
        const T u = weight[0], v = weight[1], p = weight[2], q = weight[3];
        const T *const a = upper + channels * cell[0], *const b = upper + channels * cell[1];
        const T *const c = upper + channels * cell[2], *const d = upper + channels * cell[3];
        const T *const e = lower + channels * cell[0], *const f = lower + channels * cell[1];
        const T *const g = lower + channels * cell[2], *const h = lower + channels * cell[3];
        for (std::size_t i = 0; i < channels; ++i) {  // each point by name: GCC leaves branches in nested ones
            const T first = a[i] * u + b[i] * v, second = c[i] * p + d[i] * q;
            const T third = e[i] * u + f[i] * v, fourth = g[i] * p + h[i] * q;
            out[i] = greater(greater(greater(first, second), third), fourth);
        }
        return;
    }
    static constexpr std::uint32_t all[] = {0, 1, 2, 3};
    T *const point = window.bin.data();
    for (std::size_t i = 0; i < 2; ++i) {
        fill_bin<Rule::weighted_sum>(upper, pooling, window, 2 * x + i, point + channels * i);
        fill_bin<Rule::weighted_sum>(lower, pooling, window, 2 * x + i, point + channels * (2 + i));
    }
    const T *const no_weight = nullptr, *const points = point;
    combine<Rule::maximum>(points, channels, all, no_weight, 4, channels, out);
}

// A crop of twice as many points down and across as there are bins, of which no more than two lines are ever there.
template <typename T>
[[gnu::always_inline]] inline void pool_points(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) {
    for (std::size_t y = 0; y < pooling.down; ++y) {
        fill_line<Rule::weighted_sum>(map, pooling, window, 2 * y, window.line.data());
        fill_line<Rule::weighted_sum>(map, pooling, window, 2 * y + 1, window.other_line.data());
        for (std::size_t x = 0; x < pooling.across; ++x, out += pooling.channels)
            greatest_point(window.line.data(), window.other_line.data(), pooling, window, x, out);
    }
}

// One function for each way to pool, and each type: the loops above become loops over vectors within them.
#define DETBENCH_POOL_REGION(T)                                                                                  \
    DETBENCH_FOR_ALL_VECTORS void sum_cells(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) { \
        pool_region<Rule::weighted_sum>(map, pooling, window, out);                                              \
    }                                                                                                            \
    DETBENCH_FOR_ALL_VECTORS void max_cells(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) { \
        pool_region<Rule::maximum>(map, pooling, window, out);                                                   \
    }                                                                                                            \
    DETBENCH_FOR_ALL_VECTORS void max_points(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) { \
        pool_points(map, pooling, window, out);                                                                  \
    }
DETBENCH_POOL_REGION(float)
DETBENCH_POOL_REGION(double)

// Lists the columns that any bin needs, and lets `across` name them by their place in that list.
template <typename T>
void number_columns(Window<T> &window, std::size_t width) {
    constexpr std::uint32_t unused = UINT32_MAX;
    window.place.assign(width, unused);
    for (const std::uint32_t cell : window.across.cell) window.place[cell] = 0;
    window.run.clear();
    std::uint32_t places = 0;
    for (std::size_t cell = 0; cell < width; ++cell) {
        if (window.place[cell] == unused) continue;
        if (cell == 0 || window.place[cell - 1] == unused) window.run.push_back({cell, 0, places});
        ++window.run.back().columns;
        window.place[cell] = places++;
    }
    for (std::uint32_t &cell : window.across.cell) cell = window.place[cell];
}

// Regions are handed out in runs of this many.
constexpr std::size_t regions_per_run = 8;

// Pools every region by `pool`; `set_taps(corners, window)` says what its bins are made of.
template <typename T, typename SetTaps>
void pool_regions(const Pooling<T> &pooling, std::size_t threads, const SetTaps &set_taps,
                  void (*pool)(const T *, const Pooling<T> &, Window<T> &, T *)) {
    const std::size_t map = pooling.height * pooling.width * pooling.channels;
    const std::size_t pooled = pooling.down * pooling.across * pooling.channels;
    share(threads, (pooling.regions + regions_per_run - 1) / regions_per_run, [&](Pieces &pieces) {
        Window<T> window;
        window.line.resize(pooling.channels * pooling.width);
        if (pool == static_cast<decltype(pool)>(max_points)) window.other_line.resize(window.line.size());
        window.bin.resize(4 * pooling.channels);
        while (const auto piece = pieces.next()) {
            const std::size_t end = std::min((*piece + 1) * regions_per_run, pooling.regions);
            for (std::size_t region = *piece * regions_per_run; region < end; ++region) {
                set_taps(pooling.corners + 4 * region, window);
                number_columns(window, pooling.width);
                pool(pooling.values + map * static_cast<std::size_t>(pooling.image[region]), pooling, window,
                     pooling.pooled + pooled * region);
            }
        }
        finish_streams();
    });
}

}  // namespace

template <typename T>
void roi_align(const Pooling<T> &pooling, std::size_t points, bool aligned, std::size_t threads) {
    const T half = aligned ? T(0.5) : T(0);
    const auto set_taps = [&](const T *corner, Window<T> &window) {
        const auto cells = [&](std::size_t i) { return corner[i] / pooling.stride_px - half; };
        align_taps(cells(1), cells(3), pooling.height, pooling.down, points, aligned, window.dense, window.down);
        align_taps(cells(0), cells(2), pooling.width, pooling.across, points, aligned, window.dense, window.across);
    };
    pool_regions<T>(pooling, threads, set_taps, sum_cells);
}

template <typename T>
void roi_max_pool(const Pooling<T> &pooling, std::size_t threads) {
    const auto set_taps = [&](const T *corner, Window<T> &window) {
        const auto cells = [&](std::size_t i) { return corner[i] / pooling.stride_px; };
        quantised_taps(cells(1), cells(3), pooling.height, pooling.down, window.down);
        quantised_taps(cells(0), cells(2), pooling.width, pooling.across, window.across);
    };
    pool_regions<T>(pooling, threads, set_taps, max_cells);
}

template <typename T>
void set_crop_taps(const T *corner, const Pooling<T> &pooling, std::size_t down, std::size_t across,
                   Window<T> &window) {
    const auto normalised = [&](std::size_t i, std::size_t cells) {
        return corner[i] / (pooling.stride_px * static_cast<T>(std::max<std::size_t>(cells - 1, 1)));
    };
    const std::size_t height = pooling.height, width = pooling.width;
    crop_taps(normalised(1, height), normalised(3, height), height, down, window.down);
    crop_taps(normalised(0, width), normalised(2, width), width, across, window.across);
}

template <typename T>
void crop_and_resize(const Pooling<T> &pooling, std::size_t threads) {
    const auto set_taps = [&](const T *corner, Window<T> &window) {
        set_crop_taps(corner, pooling, pooling.down, pooling.across, window);
    };
    pool_regions<T>(pooling, threads, set_taps, sum_cells);
}

template <typename T>
void crop_max_pool(const Pooling<T> &pooling, std::size_t points_down, std::size_t points_across, std::size_t threads) {
    const auto set_taps = [&](const T *corner, Window<T> &window) {
        set_crop_taps(corner, pooling, points_down, points_across, window);
    };
    pool_regions<T>(pooling, threads, set_taps, max_points);
}

#define DETBENCH_POOLING(T)                                                      \
    template void roi_align(const Pooling<T> &, std::size_t, bool, std::size_t); \
    template void roi_max_pool(const Pooling<T> &, std::size_t);                 \
    template void crop_and_resize(const Pooling<T> &, std::size_t);              \
    template void crop_max_pool(const Pooling<T> &, std::size_t, std::size_t, std::size_t);

DETBENCH_POOLING(float)
DETBENCH_POOLING(double)

}  // namespace detbench
