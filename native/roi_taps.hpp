// Which cells of a feature map each bin of a region is made of, along one axis, and how much each of them counts.
// Pooling is separable: what a bin is made of is what its row of bins is made of down, and its column across.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace detbench {

// Bin b is made of cell[begin[b]] to cell[begin[b + 1] - 1], rising, none of them twice; perhaps of none.
template <typename T>
struct Taps {
    std::vector<std::uint32_t> begin, cell;
    std::vector<T> weight;  // as many as cells, except for maxima, which weigh nothing

    std::size_t bins() const { return begin.size() - 1; }
    void clear();
    void close_bin() { begin.push_back(static_cast<std::uint32_t>(cell.size())); }
};

// From `start` to `stop`, in cells, each of `bins` bins the mean over `points` points; 0: as many as it has cells.
// `dense` is scratch: zeros, and zeros again when this is done.
template <typename T>
void align_taps(T start, T stop, std::size_t cells, std::size_t bins, std::size_t points, bool aligned,
                std::vector<T> &dense, Taps<T> &taps);

// Caffe's bins of whole cells; ends are in cells, not rounded yet.
template <typename T>
void quantised_taps(T start, T stop, std::size_t cells, std::size_t bins, Taps<T> &taps);

// TensorFlow's points from one end to the other; ends are normalised: 0 and 1 are the first cell and the last.
template <typename T>
void crop_taps(T start, T stop, std::size_t cells, std::size_t points, Taps<T> &taps);

}  // namespace detbench
