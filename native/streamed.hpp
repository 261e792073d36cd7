// Writing past the caches: a line of memory that is written whole need not be read first, which is half of what a large
// answer costs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

namespace detbench {

#ifdef __x86_64__
// Whether numbers of this many bytes in a row, each row written by one `stream`, are lines of their own.
inline bool can_stream(const void *to, std::size_t row_bytes) {
    constexpr std::size_t line = 64;
    return reinterpret_cast<std::uintptr_t>(to) % line == 0 && row_bytes % line == 0;
}

template <typename T>
[[gnu::always_inline]] inline void stream(const T *from, std::size_t count, T *to) {
    const auto *const source = reinterpret_cast<const __m128i *>(from);
    auto *const target = reinterpret_cast<__m128i *>(to);
    for (std::size_t i = 0; i < count * sizeof(T) / sizeof(__m128i); ++i)
        _mm_stream_si128(target + i, _mm_loadu_si128(source + i));
}

// To be called by each thread that has streamed, before another one may read.
inline void finish_streams() { _mm_sfence(); }
#else
inline bool can_stream(const void *, std::size_t) { return false; }

template <typename T>
void stream(const T *from, std::size_t count, T *to) {
    std::copy_n(from, count, to);
}

inline void finish_streams() {}
#endif

}  // namespace detbench
