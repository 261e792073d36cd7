// Columns that are read in another order than they stand in: what is wanted soon is asked for now.
#pragma once

#include <cstddef>

namespace detbench {

// So many rows ahead, a line of memory arrives by the time that it is wanted.
constexpr std::size_t rows_ahead = 24;

inline void prefetch(const void *address) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

}  // namespace detbench
