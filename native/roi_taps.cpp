#include "roi_taps.hpp"

#include <algorithm>
#include <cmath>

namespace detbench {

// Positions are computed in the order of the reference, number for number: an ulp decides what is outside.

template <typename T>
void Taps<T>::clear() {
    begin.assign(1, 0);
    cell.clear();
    weight.clear();
}

template <typename T>
void align_taps(T start, T stop, std::size_t cells, std::size_t bins, std::size_t points, bool aligned,
                std::vector<T> &dense, Taps<T> &taps) {
    const T length = aligned ? stop - start : std::max(stop - start, T(1)), size = length / static_cast<T>(bins);
    if (points == 0) points = size > 0 ? static_cast<std::size_t>(std::ceil(size)) : 0;
    const T last = static_cast<T>(cells - 1), share = T(1) / static_cast<T>(points);
    dense.resize(cells, T(0));
    taps.clear();
    for (std::size_t bin = 0; bin < bins; ++bin) {
        std::size_t lowest = cells, highest = 0;
        for (std::size_t point = 0; point < points; ++point) {
            T at = start + static_cast<T>(bin) * size +
                   (static_cast<T>(point) + T(0.5)) * size / static_cast<T>(points);
            if (!(at >= -1 && at <= static_cast<T>(cells))) continue;
            at = std::clamp(at, T(0), last);
            const std::size_t low = static_cast<std::size_t>(at), high = std::min(low + 1, cells - 1);
            const T part = at - static_cast<T>(low);
            dense[low] += T(1) - part;
            dense[high] += part;
            lowest = std::min(lowest, low);
            highest = std::max(highest, high);
        }
        for (std::size_t cell = lowest; cell <= highest; ++cell) {
            if (dense[cell] == 0) continue;
            taps.cell.push_back(static_cast<std::uint32_t>(cell));
            taps.weight.push_back(dense[cell] * share);
            dense[cell] = 0;
        }
        taps.close_bin();
    }
}

template <typename T>
void quantised_taps(T start, T stop, std::size_t cells, std::size_t bins, Taps<T> &taps) {
    // What is further than this from the map is out of it all the same; it must only fit the integer.
    const T far = T(1LL << 40);
    const auto rounded = [far](T value) { return static_cast<std::int64_t>(std::round(std::clamp(value, -far, far))); };
    const std::int64_t first = rounded(start), side = std::max<std::int64_t>(rounded(stop) - first + 1, 1);
    const std::int64_t count = static_cast<std::int64_t>(bins), end = static_cast<std::int64_t>(cells);
    taps.clear();
    for (std::int64_t bin = 0; bin < count; ++bin) {
        const std::int64_t from = std::max<std::int64_t>(first + bin * side / count, 0);
        const std::int64_t to = std::min<std::int64_t>(first + ((bin + 1) * side + count - 1) / count, end);
        for (std::int64_t cell = from; cell < to; ++cell) taps.cell.push_back(static_cast<std::uint32_t>(cell));
        taps.close_bin();
    }
}

template <typename T>
void crop_taps(T start, T stop, std::size_t cells, std::size_t points, Taps<T> &taps) {
    const T last = static_cast<T>(cells - 1);
    const T step = points > 1 ? (stop - start) * last / static_cast<T>(points - 1) : T(0);
    taps.clear();
    for (std::size_t point = 0; point < points; ++point) {
        const T at = points > 1 ? start * last + static_cast<T>(point) * step : T(0.5) * (start + stop) * last;
        if (at >= 0 && at <= last) {
            const std::size_t low = static_cast<std::size_t>(at);
            const T part = at - static_cast<T>(low);
            taps.cell.push_back(static_cast<std::uint32_t>(low));
            taps.weight.push_back(T(1) - part);
            if (part > 0) {
                taps.cell.push_back(static_cast<std::uint32_t>(low + 1));
                taps.weight.push_back(part);
            }
        }
        taps.close_bin();
    }
}

#define DETBENCH_TAPS(T)                                                                                          \
    template struct Taps<T>;                                                                                      \
    template void align_taps(T, T, std::size_t, std::size_t, std::size_t, bool, std::vector<T> &, Taps<T> &);     \
    template void quantised_taps(T, T, std::size_t, std::size_t, Taps<T> &);                                      \
    template void crop_taps(T, T, std::size_t, std::size_t, Taps<T> &);

DETBENCH_TAPS(float)
DETBENCH_TAPS(double)

}  // namespace detbench
