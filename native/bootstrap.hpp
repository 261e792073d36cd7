// Average precision and recall of many resamples at once. A resample gives every image a weight (how often it was
// drawn); neither the order of the predictions nor what they found depends on it. So what is to be walked is written
// down once, and one walk serves a block of resamples, one lane each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "matching.hpp"

namespace detbench {

constexpr std::size_t lanes = 16;

template <typename T>
using Lanes = std::array<T, lanes>;

enum class Interpolation : int { points_101 = 0, points_11 = 1, all_points = 2 };

// Predictions and ground truths are grouped by category; predictions fall by score inside a category.
struct ResampleInput {
    const std::int32_t *image;         // [predictions]
    const std::int32_t *rank;          // [predictions] 0 is the highest score of its image and category
    const Mask *found;                 // [predictions]
    const Mask *not_counted;           // [predictions]
    const std::int64_t *offsets;       // [categories + 1]
    const std::int32_t *truth_image;   // [ground truths]
    const Mask *truth_ignored;         // [ground truths]
    const std::int64_t *truth_offsets; // [categories + 1]
    std::size_t category_count;
    std::size_t bit_count;
    const double *levels;  // [level_count] recall levels, evenly from 0 to 1 but for rounding; empty for all-point
    std::size_t level_count;
    Interpolation interpolation;
    const std::int32_t *max_dets;  // [max_dets_count] ascending; recall counts the predictions of a rank below each
    std::size_t max_dets_count;
};

// Sums the columns of `per_image` [images, columns], weighted by `weight` [images, lanes], into `out` [columns, lanes].
// Images are added in order.
void weighted_sums(const double *per_image, std::size_t images, std::size_t columns, const std::uint8_t *weight,
                   double *out);

// What a walk needs of a prediction, and where one list of it ends and the next begins. Holds copies: the input may go.
class Resampler {
  public:
    explicit Resampler(const ResampleInput &input);

    // weight: [images, lanes] uint8. average_precision: [categories, bits, lanes]; recall: [categories, bits,
    // max_dets_count, lanes]; NaN without ground truth. May be called from several threads at once.
    void block(const std::uint8_t *weight, double *average_precision, double *recall) const;

    std::size_t category_count() const { return category_count_; }
    std::size_t bit_count() const { return bit_count_; }
    std::size_t max_dets_count() const { return max_dets_count_; }

  private:
    struct Span {
        std::size_t begin = 0, end = 0;
    };
    // A prediction that found a ground truth.
    struct Find {
        std::uint32_t stop;  // where its base's cumulated weights stand
        std::int32_t image;
    };
    // A prediction that counts in a bit and not in the bit's base (+1), or the other way round (−1).
    struct Change {
        std::uint32_t find;  // the first find at or after it
        std::int32_t image;
        std::int32_t sign;
    };
    // One category at one bit.
    struct Curve {
        Span truths;  // images; empty, and not new, where they are the bit's before
        Span base;    // stops
        Span finds, changes;
        bool new_truths, new_base;
    };
    class Builder;
    struct Levels;

    void set_levels(const std::uint8_t *weight, Span images, Levels &levels) const;
    void cumulate(const std::uint8_t *weight, Span stops, std::vector<Lanes<std::int32_t>> &counted) const;
    template <bool Limited>
    void walk(const Curve &curve, const std::uint8_t *weight, const std::vector<Lanes<std::int32_t>> &base,
              const Levels &levels, const Lanes<std::int32_t> &found, double *sum) const;

    std::size_t category_count_, bit_count_, max_dets_count_;
    Interpolation interpolation_;
    std::vector<double> levels_;
    std::vector<std::int64_t> missed_levels_;  // falling: those above the fraction that they stand for
    std::vector<Curve> curves_;                // [categories · bits]
    std::vector<std::int32_t> truth_images_;   // of the ground truths to be found
    std::vector<std::int32_t> base_images_;    // of the predictions that count
    std::vector<std::size_t> stop_ends_;       // base_images_ up to and with each stop
    std::vector<Find> finds_;
    std::vector<std::int32_t> find_images_;    // the same, by the least max_dets that lets them in
    std::vector<std::size_t> within_ends_;     // [curves · max_dets_count] ends in find_images_
    std::vector<Change> changes_;
};

}  // namespace detbench
