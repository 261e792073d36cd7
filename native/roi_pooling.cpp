#include "roi_pooling.hpp"

#include <algorithm>
#include <vector>

#include "parallel.hpp"
#include "roi_taps.hpp"
#include "vectors.hpp"

namespace detbench {
namespace {

// Some channels as one value, wherever they lie in memory. Sums are of 64 bytes: the compiler cuts those to what the
// processor has. It does not cut comparisons, so maxima are of 16, which every processor has.
template <typename T, std::size_t Bytes>
struct VectorOf {
    typedef T type __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
};

// So many bytes of channels are pooled together: their sums fit the registers.
constexpr std::size_t bytes_at_once = 256;

// How the cells of a bin become one number.
enum class Rule { weighted_sum, maximum };

// A region on its map, along both axes; `column[i]` is the i-th column of cells that is needed at all.
template <typename T>
struct Window {
    Taps<T> down, across;  // the cells of `across` are positions in `column`
    std::vector<std::uint32_t> column, place;
    std::vector<T> line, dense;
};

// What the cells of a bin give for some channels, `Vectors` values of type `Vector` beside each other.
template <Rule rule, typename Vector, std::size_t Vectors, typename T>
[[gnu::always_inline]] inline void combine(const T *from, std::size_t step, const std::uint32_t *cell, const T *weight,
                                           std::size_t count, T *__restrict to) {
    Vector sum[Vectors] = {};
    for (std::size_t i = 0; i < count; ++i) {
        const Vector *const value = reinterpret_cast<const Vector *>(from + step * cell[i]);
        for (std::size_t v = 0; v < Vectors; ++v) {
            if constexpr (rule == Rule::weighted_sum) sum[v] += value[v] * weight[i];
            else if (i == 0) sum[v] = value[v];
            else sum[v] = (value[v] > sum[v]) | (value[v] != value[v]) ? value[v] : sum[v];  // NaN is above any number
        }
    }
    for (std::size_t v = 0; v < Vectors; ++v) reinterpret_cast<Vector *>(to)[v] = sum[v];
}

// Pools some channels: each row of bins first becomes one line of cells, which the bins of the row then share.
template <Rule rule, typename Vector, std::size_t Vectors, typename T>
[[gnu::always_inline]] inline void pool_channels(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) {
    constexpr std::size_t wide = sizeof(Vector) * Vectors / sizeof(T);
    const std::size_t columns = window.column.size(), row = pooling.width * pooling.channels;
    const Taps<T> &down = window.down, &across = window.across;
    T *const line = window.line.data();
    for (std::size_t y = 0; y < pooling.down; ++y) {
        const std::uint32_t begin = down.begin[y], count = down.begin[y + 1] - begin;
        for (std::size_t i = 0; i < columns; ++i)
            combine<rule, Vector, Vectors>(map + window.column[i] * pooling.channels, row, down.cell.data() + begin,
                                       down.weight.data() + begin, count, line + i * wide);
        for (std::size_t x = 0; x < pooling.across; ++x, out += pooling.channels) {
            const std::uint32_t first = across.begin[x], cells = across.begin[x + 1] - first;
            combine<rule, Vector, Vectors>(line, wide, across.cell.data() + first, across.weight.data() + first, cells, out);
        }
    }
}

template <Rule rule, typename T>
[[gnu::always_inline]] inline void pool_all_channels(const T *map, const Pooling<T> &pooling, Window<T> &window,
                                                     T *out) {
    using Vector = typename VectorOf<T, rule == Rule::weighted_sum ? 64 : 16>::type;
    constexpr std::size_t one = sizeof(Vector) / sizeof(T), many = bytes_at_once / sizeof(T);
    std::size_t channel = 0;
    for (; channel + many <= pooling.channels; channel += many)
        pool_channels<rule, Vector, many / one>(map + channel, pooling, window, out + channel);
    for (; channel + one <= pooling.channels; channel += one)
        pool_channels<rule, Vector, 1>(map + channel, pooling, window, out + channel);
    for (; channel < pooling.channels; ++channel)
        pool_channels<rule, T, 1>(map + channel, pooling, window, out + channel);
}

#define DETBENCH_POOL_REGION(T)                                                                                            \
    DETBENCH_FOR_ALL_VECTORS void sum_region(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) {\
        pool_all_channels<Rule::weighted_sum>(map, pooling, window, out);                                         \
    }                                                                                                             \
    void max_region(const T *map, const Pooling<T> &pooling, Window<T> &window, T *out) {                         \
        pool_all_channels<Rule::maximum>(map, pooling, window, out);                                              \
    }
DETBENCH_POOL_REGION(float)
DETBENCH_POOL_REGION(double)

// Lists the columns that any bin needs, and lets `across` name them by their place in that list.
template <typename T>
void number_columns(Window<T> &window, std::size_t width) {
    constexpr std::uint32_t unused = UINT32_MAX;
    window.place.assign(width, unused);
    for (const std::uint32_t cell : window.across.cell) window.place[cell] = 0;
    window.column.clear();
    for (std::uint32_t cell = 0; cell < width; ++cell) {
        if (window.place[cell] == unused) continue;
        window.place[cell] = static_cast<std::uint32_t>(window.column.size());
        window.column.push_back(cell);
    }
    for (std::uint32_t &cell : window.across.cell) cell = window.place[cell];
}

// Regions are handed out in runs of this many.
constexpr std::size_t regions_per_run = 8;

// Pools every region; `set_taps(corners, window)` says what its bins are made of.
template <Rule rule, typename T, typename SetTaps>
void pool_regions(const Pooling<T> &pooling, std::size_t threads, const SetTaps &set_taps) {
    constexpr auto pool_region = [](auto &&...all) {
        if constexpr (rule == Rule::weighted_sum) sum_region(all...);
        else max_region(all...);
    };
    const std::size_t map = pooling.height * pooling.width * pooling.channels;
    const std::size_t crop = pooling.down * pooling.across * pooling.channels;
    share(threads, (pooling.regions + regions_per_run - 1) / regions_per_run, [&](Pieces &pieces) {
        Window<T> window;
        window.line.resize(bytes_at_once / sizeof(T) * pooling.width);
        while (const auto piece = pieces.next()) {
            const std::size_t end = std::min((*piece + 1) * regions_per_run, pooling.regions);
            for (std::size_t region = *piece * regions_per_run; region < end; ++region) {
                set_taps(pooling.corners + 4 * region, window);
                number_columns(window, pooling.width);
                pool_region(pooling.values + map * static_cast<std::size_t>(pooling.image[region]), pooling, window,
                            pooling.pooled + crop * region);
            }
        }
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
    pool_regions<Rule::weighted_sum>(pooling, threads, set_taps);
}

template <typename T>
void roi_max_pool(const Pooling<T> &pooling, std::size_t threads) {
    const auto set_taps = [&](const T *corner, Window<T> &window) {
        const auto cells = [&](std::size_t i) { return corner[i] / pooling.stride_px; };
        quantised_taps(cells(1), cells(3), pooling.height, pooling.down, window.down);
        quantised_taps(cells(0), cells(2), pooling.width, pooling.across, window.across);
    };
    pool_regions<Rule::maximum>(pooling, threads, set_taps);
}

template <typename T>
void crop_and_resize(const Pooling<T> &pooling, std::size_t threads) {
    const auto set_taps = [&](const T *corner, Window<T> &window) {
        const auto normalised = [&](std::size_t i, std::size_t cells) {
            return corner[i] / (pooling.stride_px * static_cast<T>(std::max<std::size_t>(cells - 1, 1)));
        };
        const std::size_t height = pooling.height, width = pooling.width;
        crop_taps(normalised(1, height), normalised(3, height), height, pooling.down, window.down);
        crop_taps(normalised(0, width), normalised(2, width), width, pooling.across, window.across);
    };
    pool_regions<Rule::weighted_sum>(pooling, threads, set_taps);
}

#define DETBENCH_POOLING(T)                                                      \
    template void roi_align(const Pooling<T> &, std::size_t, bool, std::size_t); \
    template void roi_max_pool(const Pooling<T> &, std::size_t);                 \
    template void crop_and_resize(const Pooling<T> &, std::size_t);

DETBENCH_POOLING(float)
DETBENCH_POOLING(double)

}  // namespace detbench
