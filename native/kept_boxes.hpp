// The boxes that were kept so far, and whether one of them suppresses another box. The IoU is that of the reference to
// the last bit: its type, its order of arithmetic, a division.
//
// Where to look: an IoU above T needs an overlap above T along x and along y, each by itself. Hence both sides of the
// one are between T and 1/T of the other's, and centres differ by less than (1 - T) / 2T of its sides, whichever of the
// two is the one. A kept box therefore stands in every cell of a grid that this reach touches, and a box that is asked
// about looks into a single cell: that of its centre. Each pair of size classes of width and height has a grid of its
// own, with cells as large as its boxes reach: what one box costs does not depend on how large others are.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "overlap.hpp"

namespace detbench {

template <typename Real>
class KeptBoxes {
public:
    // At most so many are kept.
    KeptBoxes(Real threshold, std::size_t most) : threshold_(threshold) {
        blocks_.swap(spare());
        blocks_.clear();
        // Computed IoUs are off by some roundings: the bounds are wider than the threshold's by more.
        const double near = std::min(static_cast<double>(threshold) * (1 - 1e-5), closest);
        in_cells_ = most > few && near > loosest;
        if (!in_cells_) return;
        smaller_ = near;
        larger_ = 1 / near;
        reach_ = (1 - near) / (2 * near) * (1 + 1e-6);
        octaves_ = std::clamp(static_cast<int>(std::lround(octaves_each * std::log2(larger_))), 1, most_octaves);
        per_cell_ = 1 / (reach_ * cell_side * std::exp2(octaves_ * 0.5));
        const int bits = std::clamp(static_cast<int>(std::bit_width(2 * most)), 8, 20);
        hash_shift_ = 64 - bits;
        first_.resize(std::size_t{1} << bits, no_block);
    }

    ~KeptBoxes() {
        if (blocks_.capacity() * sizeof(Block<Real>) <= most_spared) blocks_.swap(spare());
    }
    KeptBoxes(const KeptBoxes &) = delete;
    KeptBoxes &operator=(const KeptBoxes &) = delete;

    // Whether a box that was added overlaps this one by more than the threshold.
    bool suppress(const Box<Real> &box) const {
        if (loose_ != no_block && any_overlaps(blocks_.data(), loose_, box, threshold_)) return true;
        if (!in_cells_) return false;
        if (!fits(box)) return any_of_all(box);
        const double width = double{box.x2} - double{box.x1}, height = double{box.y2} - double{box.y1};
        const double x = middle(box.x1, box.x2), y = middle(box.y1, box.y2);
        const auto found_in = [&](int w, int h) {
            const std::uint64_t hash = hash_of(box, w, h, cell(x, cells_per_unit(w)), cell(y, cells_per_unit(h)));
            const std::uint32_t first = first_[hash >> hash_shift_];
            return first != no_block && any_overlaps(blocks_.data(), first, box, threshold_);
        };
        const int own_w = size_class(width), own_h = size_class(height);
        if (found_in(own_w, own_h)) return true;  // most are
        const int widest = size_class(width * larger_), highest = size_class(height * larger_);
        const int lowest = size_class(height * smaller_);
        for (int w = size_class(width * smaller_); w <= widest; ++w)
            for (int h = lowest; h <= highest; ++h)
                if ((w != own_w || h != own_h) && found_in(w, h)) return true;
        return false;
    }

    // `box` has an area.
    void add(const Box<Real> &box) {
        if (!in_cells_ || !fits(box)) return put(loose_, box);
        const double width = double{box.x2} - double{box.x1}, height = double{box.y2} - double{box.y1};
        const int w = size_class(width), h = size_class(height);
        const Span x = span(middle(box.x1, box.x2), width, cells_per_unit(w));
        const Span y = span(middle(box.y1, box.y2), height, cells_per_unit(h));
        for (std::int64_t j = y.first; j <= y.last; ++j)
            for (std::int64_t i = x.first; i <= x.last; ++i) put(first_[hash_of(box, w, h, i, j) >> hash_shift_], box);
    }

private:
    // Below this IoU a box reaches too far, and above the other cells would be needlessly small.
    static constexpr double loosest = 0.02, closest = 0.8;
    // Up to so many boxes are simply asked one after another.
    static constexpr std::size_t few = 128;
    // A size class spans so many times the ratio of sides that may still overlap enough; a cell, so many reaches.
    static constexpr double octaves_each = 3.0, cell_side = 4.0;
    // But no more octaves than this, or at a low threshold the largest boxes of a class would touch thousands of cells:
    // its cells fit the boxes in its middle, and 2^(octaves / 2) times as large are its largest.
    static constexpr int most_octaves = 6;

    // Each thread keeps the memory of blocks, up to so much, for its next call: to be given new pages by the system
    // each time was half of the time where most boxes are kept.
    static constexpr std::size_t most_spared = std::size_t{16} << 20;
    static std::vector<Block<Real>> &spare() {
        thread_local std::vector<Block<Real>> blocks;
        return blocks;
    }

    struct Span {
        std::int64_t first, last;
    };

    // Whether the bounds hold and their arithmetic stays far from the ends of a float64: sizes that are extreme in the
    // box's own type have areas of few bits.
    static bool fits(const Box<Real> &box) {
        constexpr double least = sizeof(Real) == 4 ? 0x1p-100 : 0x1p-900, most = 0x1p900;
        const double width = double{box.x2} - double{box.x1}, height = double{box.y2} - double{box.y1};
        return double{box.area} > least && std::min(width, height) > 0x1p-900 && std::max(width, height) < most;
    }

    static double middle(Real low, Real high) { return 0.5 * double{low} + 0.5 * double{high}; }

    int size_class(double side) const {
        return static_cast<int>(std::bit_cast<std::uint64_t>(side) >> 52) / octaves_;
    }

    double cells_per_unit(int size_class) const {
        return per_cell_ * std::bit_cast<double>(static_cast<std::uint64_t>(2046 - size_class * octaves_) << 52);
    }

    static std::int64_t cell(double middle, double per_unit) {
        const double place = std::clamp(middle * per_unit, -0x1p62, 0x1p62);
        const auto truncated = static_cast<std::int64_t>(place);
        return truncated - (place < static_cast<double>(truncated));
    }

    Span span(double middle, double side, double per_unit) const {
        const double reach = reach_ * side + std::abs(middle) * 1e-15;
        return {cell(middle - reach, per_unit), cell(middle + reach, per_unit)};
    }

    // Different cells may share a place: whatever is found there is compared as it is.
    static std::uint64_t hash_of(const Box<Real> &box, int w, int h, std::int64_t i, std::int64_t j) {
        const auto classes = static_cast<std::uint64_t>(w) << 12 | static_cast<std::uint64_t>(h);
        return static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15U + static_cast<std::uint64_t>(j) * 0xC2B2AE3D27D4EB4FU +
               classes * 0xD6E8FEB86659FD93U + static_cast<std::uint64_t>(box.category) * 0xA0761D6478BD642FU;
    }

    // Every box that was added stands in some block.
    bool any_of_all(const Box<Real> &box) const {
        return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block<Real> &block) {
            for (std::size_t i = 0; i < block.filled; ++i)
                if (block.category[i] == box.category && intersection_over_union(block.at(i), box) > threshold_)
                    return true;
            return false;
        });
    }

    // The first block stays in front, with the boxes that were kept first; then come the others, the newest first.
    void put(std::uint32_t &first, const Box<Real> &box) {
        if (first == no_block) first = new_block(no_block);
        std::uint32_t block = first;
        if (blocks_[block].filled == lanes_each) {
            const std::uint32_t second = blocks_[first].next;
            block = second;
            if (second == no_block || blocks_[second].filled == lanes_each) {
                block = new_block(second);
                blocks_[first].next = block;
            }
        }
        blocks_[block].put(box);
    }

    std::uint32_t new_block(std::uint32_t next) {
        blocks_.emplace_back();
        blocks_.back().next = next;
        return static_cast<std::uint32_t>(blocks_.size() - 1);
    }

    Real threshold_;
    bool in_cells_ = false;
    double smaller_ = 0, larger_ = 0, reach_ = 0, per_cell_ = 0;
    int octaves_ = 1, hash_shift_ = 0;
    std::vector<std::uint32_t> first_;  // by hash: the first block of a list
    std::vector<Block<Real>> blocks_;
    std::uint32_t loose_ = no_block;    // the list of those in no cell
};

}  // namespace detbench
