// Sets of ids.
#pragma once

#include <cstdint>
#include <vector>

#include "../unfilled.hpp"

namespace detbench::scan {

// Ids are mostly small and then bits of a table; the others are sorted. No hashing: a file's writer could choose ids
// that collide.
class IdSet {
    std::vector<std::uint64_t> table_;
    std::vector<std::int64_t> others_;
    bool unique_ = true;

    bool in_table(std::int64_t id) const { return static_cast<std::uint64_t>(id) < table_.size() * 64; }

  public:
    explicit IdSet(const UnfilledVector<std::int64_t> &ids);

    // Whether no id was given twice.
    bool unique() const { return unique_; }
    bool contains(std::int64_t id) const;
};

}  // namespace detbench::scan
