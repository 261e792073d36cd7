// Rows by falling score: of equal scores the lower row first, not a number last. The order is made in blocks, the best
// first: who stops early has not paid for ordering the rest.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "unfilled.hpp"

namespace detbench {

template <typename Score>
using KeyOf = std::conditional_t<sizeof(Score) == 4, std::uint32_t, std::uint64_t>;

// A number that rises as the score falls; equal scores have equal ones. Not a number comes last.
template <typename Score>
KeyOf<Score> falling_key(Score score) {
    using Key = KeyOf<Score>;
    if (score != score) return static_cast<Key>(~Key{0});
    constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
    const auto bits = std::bit_cast<Key>(score + Score{0});  // -0 becomes 0: they are equal
    return bits & sign ? bits : ~(bits | sign);
}

template <typename Score>
class FallingOrder {
public:
    // `first`: about so many rows make the first block; each one after it is four times as long.
    FallingOrder(const Score *score, std::size_t count, std::size_t first) : key_(count), wanted_(first) {
        Key lowest = static_cast<Key>(~Key{0}), highest = 0;
        for (std::size_t r = 0; r < count; ++r) {
            const Key key = falling_key(score[r]);
            key_[r] = key;
            lowest = std::min(lowest, key);
            highest = std::max(highest, key);
        }
        if (first >= count / 2) return;  // one block
        lowest_ = lowest;
        shift_ = std::max(0, static_cast<int>(std::bit_width(static_cast<Key>(highest - lowest))) - bin_bits);
        in_bin_.resize(std::size_t{1} << bin_bits);
        std::fill(in_bin_.begin(), in_bin_.end(), 0U);
        for (const Key key : key_) ++in_bin_[bin_of(key)];
    }

    // Makes the next block; false where all rows have been handed out.
    bool advance() {
        if (taken_ == key_.size()) return false;
        if (in_bin_.empty()) {
            block_.resize(key_.size());
            for (std::size_t r = 0; r < key_.size(); ++r) block_[r] = {key_[r], static_cast<std::uint32_t>(r)};
        } else {
            take_bins();
        }
        taken_ += block_.size();
        sort_block();
        return true;
    }

    std::size_t size() const { return block_.size(); }
    std::uint32_t operator[](std::size_t i) const { return block_[i].row; }

private:
    using Key = KeyOf<Score>;
    struct Ranked {
        Key key;
        std::uint32_t row;
    };
    static constexpr int bin_bits = 12;
    static constexpr std::size_t few = 64;  // so few are sorted by comparing

    std::size_t bin_of(Key key) const { return static_cast<std::size_t>((key - lowest_) >> shift_); }

    // Gathers whole bins until there are as many rows as are wanted, in the order of the rows.
    void take_bins() {
        const std::size_t begin = bin_;
        std::size_t count = 0;
        while (bin_ < in_bin_.size() && count < wanted_) count += in_bin_[bin_++];
        wanted_ *= 4;
        block_.resize(count + 1);  // the place after the last is written to, and not kept
        std::size_t next = 0;
        for (std::size_t r = 0; r < key_.size(); ++r) {
            block_[next] = {key_[r], static_cast<std::uint32_t>(r)};
            const std::size_t bin = bin_of(key_[r]);
            next += (begin <= bin) & (bin < bin_);
        }
        block_.resize(count);
    }

    // By the key's bytes, the lowest first, each time stably; a byte that is the same in all is passed over.
    void sort_block() {
        const auto before = [](const Ranked &a, const Ranked &b) { return a.key < b.key; };
        if (std::is_sorted(block_.begin(), block_.end(), before)) return;
        if (block_.size() <= few) {
            std::sort(block_.begin(), block_.end(), [](const Ranked &a, const Ranked &b) {
                return a.key != b.key ? a.key < b.key : a.row < b.row;
            });
            return;
        }
        std::array<std::array<std::uint32_t, 256>, sizeof(Key)> place{};
        for (const Ranked &one : block_)
            for (std::size_t byte = 0; byte < sizeof(Key); ++byte) ++place[byte][(one.key >> 8 * byte) & 255];
        scratch_.resize(block_.size());
        for (std::size_t byte = 0; byte < sizeof(Key); ++byte) {
            if (place[byte][(block_[0].key >> 8 * byte) & 255] == block_.size()) continue;
            std::uint32_t total = 0;
            for (std::uint32_t &entry : place[byte]) total += std::exchange(entry, total);
            for (const Ranked &one : block_) scratch_[place[byte][(one.key >> 8 * byte) & 255]++] = one;
            std::swap(block_, scratch_);
        }
    }

    UnfilledVector<Key> key_;
    UnfilledVector<Ranked> block_, scratch_;
    UnfilledVector<std::uint32_t> in_bin_;  // empty: one block
    Key lowest_ = 0;
    int shift_ = 0;
    std::size_t wanted_, taken_ = 0, bin_ = 0;
};

}  // namespace detbench
