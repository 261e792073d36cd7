// Ids of files become rows: images by ascending id, categories by ascending id, as the readers of tables order them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "columns.hpp"

namespace detbench {

// Finds the place of an id among ids that are unique.
class IdIndex {
public:
    explicit IdIndex(const UnfilledVector<std::int64_t> &ids);

    // Where `id` stands when the ids ascend, or -1 where it is none of them.
    std::int32_t place(std::int64_t id) const;

    // The row of the id at each place.
    const UnfilledVector<std::int32_t> &order() const { return order_; }

private:
    UnfilledVector<std::int32_t> order_;
    UnfilledVector<std::int64_t> ascending_;
    UnfilledVector<std::int32_t> table_;  // id - ascending_[0] -> place, where the ids lie close enough together
};

// Places of each row's image and category among ascending ids; the file's columns of ids are gone.
struct Joined {
    UnfilledVector<std::int32_t> image_row, category_row;      // [I], [K] place -> row of the file
    UnfilledVector<std::int32_t> truth_image, truth_category;  // [G]
    UnfilledVector<std::int32_t> image, category;              // [N]
};

// False where a row's image or category is not there; then the files are as they were or have lost columns of ids.
bool join(GroundTruthFile &truth, PredictionFile &predictions, std::size_t threads, Joined &joined);

}  // namespace detbench
