// What a reader fills and an evaluation reads: columns in the order of the file, ids as the file gives them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "unfilled.hpp"

namespace detbench {

// One row a prediction.
struct PredictionFile {
    UnfilledVector<std::int64_t> image_id;
    UnfilledVector<std::int64_t> category_id;
    UnfilledVector<double> xywh;  // [n, 4] x, y, width, height, finite
    UnfilledVector<double> score;  // [n] finite
    std::uint64_t bytes = 0;    // length of the file

    std::size_t size() const { return score.size(); }
};

// Strings one after another; string i is text[ends[i - 1]..ends[i]), UTF-8.
struct Strings {
    std::string text;
    std::vector<std::uint32_t> ends;
};

// Images, categories and annotations of a COCO file. Ids are unique within images and within categories.
struct GroundTruthFile {
    UnfilledVector<std::int64_t> image_id;
    UnfilledVector<std::int32_t> width_px, height_px;  // positive
    Strings file_name;  // empty where there is none; a backslash may stand between folders

    UnfilledVector<std::int64_t> category_id;
    Strings category_name;

    // One row an annotation.
    UnfilledVector<std::int64_t> annotation_id;  // empty where no annotation has one
    UnfilledVector<std::int64_t> of_image, of_category;
    UnfilledVector<double> xywh;  // [n, 4]
    UnfilledVector<double> area;  // [n] NaN where the file gives none
    UnfilledVector<std::uint8_t> crowd, ignore, difficult;  // 0 or 1
    UnfilledVector<std::int8_t> truncated, occluded;  // -1 where the file does not say
    std::uint64_t bytes = 0;

    std::size_t size() const { return of_image.size(); }
};

}  // namespace detbench
