// RoIAlign, RoI max pooling, crop-and-resize, and the crop that is max-pooled: a small grid of values from each region of a feature map.
#pragma once

#include <cstddef>
#include <cstdint>

namespace detbench {

// What is pooled: `values` is [images, height, width, channels]; region r lies on map image[r], which there must be.
template <typename T>
struct Pooling {
    const T *values;
    std::size_t height, width, channels;
    const T *corners;  // [regions, 4]: x1 y1 x2 y2 in pixels
    const std::int32_t *image;
    std::size_t regions;
    T stride_px;
    std::size_t down, across;
    T *pooled;      // [regions, down, across, channels]
    bool streamed;  // whether `pooled` is written past the caches
};

template <typename T>
void roi_align(const Pooling<T> &pooling, std::size_t points, bool aligned, std::size_t threads);

template <typename T>
void roi_max_pool(const Pooling<T> &pooling, std::size_t threads);

template <typename T>
void crop_and_resize(const Pooling<T> &pooling, std::size_t threads);

// The greatest of each 2 × 2 points of a crop; of an odd number of points the last is left out.
template <typename T>
void crop_max_pool(const Pooling<T> &pooling, std::size_t points_down, std::size_t points_across, std::size_t threads);

}  // namespace detbench
