#include "ids.hpp"

#include <algorithm>

namespace detbench::scan {

IdSet::IdSet(const UnfilledVector<std::int64_t> &ids) {
    // At least the half megabyte that COCO's image ids need; no more than a column of ids itself takes.
    constexpr std::size_t least_words = std::size_t{1} << 16;
    table_.resize(std::max(least_words, ids.size()));
    for (const std::int64_t id : ids) {
        if (!in_table(id)) {
            others_.push_back(id);
            continue;
        }
        const auto place = static_cast<std::uint64_t>(id);
        const std::uint64_t bit = std::uint64_t{1} << (place % 64);
        unique_ = unique_ && (table_[place / 64] & bit) == 0;
        table_[place / 64] |= bit;
    }
    std::sort(others_.begin(), others_.end());
    unique_ = unique_ && std::adjacent_find(others_.begin(), others_.end()) == others_.end();
}

bool IdSet::contains(std::int64_t id) const {
    if (!in_table(id)) return std::binary_search(others_.begin(), others_.end(), id);
    const auto place = static_cast<std::uint64_t>(id);
    return (table_[place / 64] >> (place % 64) & 1) != 0;
}

}  // namespace detbench::scan
