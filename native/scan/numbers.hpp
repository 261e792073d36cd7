// Numbers of JSON, read exactly.
#pragma once

#include <cstdint>

#include "text.hpp"

namespace detbench::scan {

// The double nearest to digits · 10^exponent, ties to even; false where the exponent is so far from 0, or the case so
// close, that only longer arithmetic can tell.
bool nearest_double(std::uint64_t digits, int exponent, double &value);

// Any number of JSON's grammar. False also for what overflows, may be for what vanishes, and for a minus before a bare
// 0: Python's readers make it +0.0, and C's -0.0.
bool read_any_double(const char *&p, double &value);

// Past any number, without its value.
bool skip_number(const char *&p);

// A whole number that fits, written without point and exponent. What follows it is the caller's to look at.
bool read_integer(const char *&p, std::int64_t &value);

inline constexpr std::uint64_t powers_of_ten[20] = {1ULL,
                                                    10ULL,
                                                    100ULL,
                                                    1000ULL,
                                                    10000ULL,
                                                    100000ULL,
                                                    1000000ULL,
                                                    10000000ULL,
                                                    100000000ULL,
                                                    1000000000ULL,
                                                    10000000000ULL,
                                                    100000000000ULL,
                                                    1000000000000ULL,
                                                    10000000000000ULL,
                                                    100000000000000ULL,
                                                    1000000000000000ULL,
                                                    10000000000000000ULL,
                                                    100000000000000000ULL,
                                                    1000000000000000000ULL,
                                                    10000000000000000000ULL};

// As read_any_double. Written out here for what nearly all numbers of a results file are: at most 8 digits, a point,
// at most 19 digits in all, no exponent.
inline bool read_double(const char *&p, double &value) {
    const bool negative = *p == '-';
    const char *const first = p + negative;
    const unsigned whole = digit_run(first);
    const char *const point = first + whole;
    if (*point != '.' || whole - 1 > 7 || (*first == '0' && whole > 1)) return read_any_double(p, value);
    const unsigned decimals = digit_run(point + 1);
    const char *const end = point + 1 + decimals;
    if (decimals == 0 || whole + decimals > 19 || (*end | 0x20) == 'e') return read_any_double(p, value);
    const std::uint64_t digits = value_of_8(point, whole) * powers_of_ten[decimals] + value_of_19(end, decimals);
    if (!nearest_double(digits, -static_cast<int>(decimals), value)) return read_any_double(p, value);
    if (negative) value = -value;
    p = end;
    return true;
}

}  // namespace detbench::scan
