// Values of a record's fields. Conventions are text.hpp's.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "numbers.hpp"
#include "text.hpp"

namespace detbench::scan {

// detbench/data/formats/numbers.py: LARGEST_PX. What is beyond it is reported there.
inline constexpr double largest_px = 1e15;

inline bool read_coordinate(const char *&p, double &value) {
    return read_double(p, value) && std::fabs(value) <= largest_px;
}

// [x, y, width, height]
inline bool read_box(const char *&p, double (&xywh)[4]) {
    char mark = '[';
    for (double &value : xywh) {
        if (*p != mark) return false;
        ++p;
        skip_space(p);
        if (!read_coordinate(p, value)) return false;
        skip_space(p);
        mark = ',';
    }
    if (*p != ']') return false;
    ++p;
    return true;
}

// A number, or null for none: NaN.
inline bool read_optional_double(const char *&p, double &value) {
    if (*p != 'n') return read_double(p, value);
    value = std::numeric_limits<double>::quiet_NaN();
    for (const char *word = "null"; *word != 0; ++word, ++p)
        if (*p != *word) return false;
    return true;
}

// 0 or 1. What follows, more digits or a point, is found by whoever looks for the comma.
inline bool read_flag(const char *&p, std::uint8_t &value) {
    if (*p != '0' && *p != '1') return false;
    value = *p == '1';
    ++p;
    return true;
}

// -1 (not known), 0, 1 or 2.
inline bool read_level(const char *&p, std::int8_t &value) {
    const bool negative = *p == '-';
    p += negative;
    if (*p < (negative ? '1' : '0') || *p > (negative ? '1' : '2')) return false;
    value = static_cast<std::int8_t>(negative ? -1 : *p - '0');
    ++p;
    return true;
}

// A side of a picture: a whole number, be it written 640 or 640.0, as long as pictures are
// (detbench/data/formats/picture_search.py: size_px).
inline bool read_side(const char *&p, std::int32_t &value) {
    constexpr double longest = 1e7;
    double side;
    if (!read_double(p, side) || !(side >= 1 && side <= longest && side == std::floor(side))) return false;
    value = static_cast<std::int32_t>(side);
    return true;
}

}  // namespace detbench::scan
