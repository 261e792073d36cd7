// Bytes of text, looked at many at a time.
//
// Every text that is read here has `padding` readable bytes before it and after it, and those after it are NUL, which
// stands nowhere in JSON: a function that reads on past the end stops there by itself and never looks further.
//
// The convention of every `bool f(const char *&p, …)` in this folder: true, and p behind what was read; or false, and
// p at the byte that does not fit, or behind a number that does not. If that is the end of the text, the text was cut:
// with more of it the same call may succeed.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

// DETBENCH_PORTABLE leaves out what some machines or libraries lack, so that its substitutes can be tested on others.
#if defined(__SSE2__) && !defined(DETBENCH_PORTABLE)
#define DETBENCH_SSE2
#include <emmintrin.h>
#endif

namespace detbench::scan {

static_assert(std::endian::native == std::endian::little, "the first of eight bytes is taken for the lowest");

inline constexpr std::size_t padding = 64;

inline std::uint64_t load_8(const char *p) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
}

// Sixteen bytes. GCC's and Clang's vectors compile for every machine; only gathering one bit from each byte is
// written by hand.
class Bytes {
    typedef signed char Vector __attribute__((vector_size(16)));
    Vector bytes_;

    static Vector all(char c) {
        const signed char s = static_cast<signed char>(c);
        return Vector{s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s};
    }

    static std::uint32_t gathered(Vector truth) {
#ifdef DETBENCH_SSE2
        return static_cast<std::uint32_t>(_mm_movemask_epi8(reinterpret_cast<__m128i>(truth)));
#else
        // A bit of its own for each of eight bytes; the product's top byte is their sum.
        const Vector bit{1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128};
        const Vector bits = truth & bit;
        std::uint64_t half[2];
        std::memcpy(half, &bits, sizeof half);
        constexpr std::uint64_t ones = 0x0101010101010101;
        return static_cast<std::uint32_t>((half[0] * ones) >> 56 | (half[1] * ones) >> 56 << 8);
#endif
    }

  public:
    explicit Bytes(const char *p) { std::memcpy(&bytes_, p, sizeof bytes_); }

    // One bit a byte, the first byte's the lowest.
    std::uint32_t equal(char c) const { return gathered(bytes_ == all(c)); }
    std::uint32_t digits() const { return gathered((bytes_ >= all('0')) & (bytes_ <= all('9'))); }
    // Ends of a run of plain string: a quote, a backslash, a control character, a byte of a longer UTF-8 sequence
    // (negative as a signed byte).
    std::uint32_t not_plain() const {
        return gathered((bytes_ == all('"')) | (bytes_ == all('\\')) | (bytes_ < all(' ')));
    }
};

// How many digits there are from p on; 32 stands for 32 or more.
inline unsigned digit_run(const char *p) {
    const std::uint32_t digits = Bytes(p).digits() | Bytes(p + 16).digits() << 16;
    return static_cast<unsigned>(std::countr_one(digits));
}

// The number that up to 8 digits just before `end` make; the bytes before them do not matter.
inline std::uint64_t value_of_8(const char *end, unsigned count) {
    static constexpr std::uint64_t last[9] = {0,
                                              0xf00000000000000,
                                              0xf0f000000000000,
                                              0xf0f0f0000000000,
                                              0xf0f0f0f00000000,
                                              0xf0f0f0f0f000000,
                                              0xf0f0f0f0f0f0000,
                                              0xf0f0f0f0f0f0f00,
                                              0xf0f0f0f0f0f0f0f};
    std::uint64_t digits = load_8(end - 8) & last[count];
    // Neighbours joined three times: pairs, fours, all eight.
    digits = digits * 10 + (digits >> 8);
    constexpr std::uint64_t pair = 0x000000ff000000ff;
    return ((digits & pair) * (100 + (1000000ULL << 32)) + (digits >> 16 & pair) * (1 + (10000ULL << 32))) >> 32;
}

// The number that up to 19 digits just before `end` make.
inline std::uint64_t value_of_19(const char *end, unsigned count) {
    constexpr std::uint64_t e8 = 100000000;
    if (count <= 8) return value_of_8(end, count);
    if (count <= 16) return value_of_8(end, 8) + e8 * value_of_8(end - 8, count - 8);
    return value_of_8(end, 8) + e8 * (value_of_8(end - 8, 8) + e8 * value_of_8(end - 16, count - 16));
}

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline void skip_space(const char *&p) {
    p += *p == ' ';  // what most writers put, without a jump that depends on it
    if (static_cast<unsigned char>(*p) > ' ') return;
    while (is_space(*p)) ++p;
}

// The one byte, spaces before it.
inline bool skip_mark(const char *&p, char mark) {
    skip_space(p);
    if (*p != mark) return false;
    ++p;
    return true;
}

}  // namespace detbench::scan
