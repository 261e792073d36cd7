// Putting the columns of one piece behind those before it.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "../columns.hpp"
#include "lists.hpp"

namespace detbench::scan {

// Room is made for the whole list at once, at the rate at which it filled up so far: a column that is moved to a larger
// place is in memory twice meanwhile, while room that is never written to costs nothing.
template <class T>
void append(UnfilledVector<T> &whole, const UnfilledVector<T> &part, const Progress &progress) {
    const std::size_t count = whole.size() + part.size();
    if (count > whole.capacity()) {
        const double share = static_cast<double>(progress.all_bytes) / static_cast<double>(progress.done_bytes);
        constexpr double slack = 1.05;
        const bool last = part.empty() || share <= 1;
        whole.reserve(last ? count : static_cast<std::size_t>(static_cast<double>(count) * share * slack));
    }
    whole.insert(whole.end(), part.begin(), part.end());
}

// False if the text outgrows what its ends can say.
inline bool append(Strings &whole, const Strings &part) {
    if (whole.text.size() + part.text.size() > std::numeric_limits<std::uint32_t>::max()) return false;
    const auto base = static_cast<std::uint32_t>(whole.text.size());
    whole.text += part.text;
    for (const std::uint32_t end : part.ends) whole.ends.push_back(base + end);
    return true;
}

}  // namespace detbench::scan
