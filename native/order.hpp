// The order in which matching goes through both sides: by category, then image, then falling score. It carries the
// ties: equal scores keep the order of the file, as with pycocotools' stable sorts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "falling.hpp"
#include "unfilled.hpp"
#include "matching.hpp"

namespace detbench {

// One side's rows: images by rank of their ids; a row of category -1 takes no part.
struct Placed {
    const std::int32_t *category;  // [count] -1..category_count
    const std::int32_t *image;     // [count] 0..image_count
    std::size_t count;
};

struct Sizes {
    std::size_t categories, images;
};

// Rows sorted by category, then image; equal ones keep their order. Category k has rows offsets[k]..offsets[k + 1].
struct Ordered {
    UnfilledVector<std::uint32_t> row;
    UnfilledVector<std::int32_t> image;
    std::vector<std::size_t> offsets;
};

// What is to be matched: both sides by category, then image; predictions by falling score in it.
struct Task {
    UnfilledVector<std::uint32_t> truth_row, row;  // predictions: cut at maxDets
    std::vector<std::size_t> truth_offsets, offsets;  // [categories + 1]
    UnfilledVector<double> score;       // [predictions]
    UnfilledVector<std::int32_t> rank;  // [predictions] 0: the highest score of its category and image
    UnfilledVector<Group> groups;       // one for each category and image with predictions
};

// Rows by ascending key, 0..keys; equal ones keep their order.
UnfilledVector<std::uint32_t> stable_order(const std::int32_t *key, std::size_t count, std::size_t keys);

Ordered by_category_and_image(const Placed &rows, const Sizes &sizes);

// `limit` predictions of one category are kept in each image.
Task order_task(const Placed &truth, const Placed &predictions, const double *score, const Sizes &sizes,
                std::size_t limit, std::size_t threads);

// A row and where its score stands.
struct Keyed {
    std::uint64_t key;
    std::uint32_t row;
};

}  // namespace detbench
