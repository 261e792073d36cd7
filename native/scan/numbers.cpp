#include "numbers.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

// Not all C++ libraries have it for doubles yet.
#if defined(__cpp_lib_to_chars) && __cpp_lib_to_chars >= 201611L && !defined(DETBENCH_PORTABLE)
#define DETBENCH_FROM_CHARS
#else
#include <locale.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif
#endif

namespace detbench::scan {
namespace {

__extension__ typedef unsigned __int128 Wide;

// Beyond this, powers of five outgrow 128 bits.
constexpr int largest_power = 55;

constexpr Wide power_of_five(int n) {
    Wide power = 1;
    for (int i = 0; i < n; ++i) power *= 5;
    return power;
}

constexpr int bits_of(Wide number) {
    int bits = 0;
    for (; number != 0; number >>= 1) ++bits;
    return bits;
}

// The first 128 bits of 1 / divisor, rounded up, for a divisor that is no power of two.
constexpr Wide reciprocal(Wide divisor) {
    Wide quotient = 0, rest = Wide{1} << (bits_of(divisor) - 1);
    for (int i = 0; i < 128; ++i) {
        const bool carry = rest >> 127 != 0;
        rest <<= 1;
        quotient <<= 1;
        if (carry || rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return quotient + 1;
}

struct Power {
    std::uint64_t high, low;
};

// The first 128 bits of 5^q: exact where q is not negative, else rounded up.
constexpr Power first_bits(int q) {
    const Wide power = power_of_five(q < 0 ? -q : q);
    const Wide bits = q < 0 ? reciprocal(power) : power << (128 - bits_of(power));
    return {static_cast<std::uint64_t>(bits >> 64), static_cast<std::uint64_t>(bits)};
}

constexpr std::array<Power, 2 * largest_power + 1> powers_of_five = [] {
    std::array<Power, 2 * largest_power + 1> table{};
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = first_bits(static_cast<int>(i) - largest_power);
    return table;
}();

bool is_digit(char c) { return '0' <= c && c <= '9'; }

// A number's parts: its first 19 significant digits, and the power of ten they are to be multiplied by.
struct Parts {
    std::uint64_t digits = 0;
    std::int64_t exponent = 0;
    int count = 0;        // of significant digits taken up
    bool cut = false;     // whether digits that are not 0 were left out
    bool whole = true;    // written without point and exponent
    bool negative = false;

    void take(char c) {
        if (count == 19) {
            cut = cut || c != '0';
            ++exponent;
            return;
        }
        digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
        count += digits != 0;
    }
};

bool read_exponent(const char *&p, std::int64_t &exponent) {
    const bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (!is_digit(*p)) return false;
    std::int64_t written = 0;
    for (; is_digit(*p); ++p)
        if (written < 1000000) written = written * 10 + (*p - '0');  // more is as far out of range
    exponent += negative ? -written : written;
    return true;
}

// number = [-] (0 | 1-9 digit*) [. digit+] [(e | E) [- | +] digit+]
bool read_parts(const char *&p, Parts &parts) {
    parts.negative = *p == '-';
    p += parts.negative;
    if (!is_digit(*p)) return false;
    if (*p == '0')
        ++p;
    else
        for (; is_digit(*p); ++p) parts.take(*p);
    if (is_digit(*p)) return false;  // a zero before it
    if (*p == '.') {
        parts.whole = false;
        if (!is_digit(*++p)) return false;
        for (; is_digit(*p); ++p) {
            parts.take(*p);
            --parts.exponent;
        }
    }
    if ((*p | 0x20) != 'e') return true;
    parts.whole = false;
    ++p;
    return read_exponent(p, parts.exponent);
}

bool value_of(const Parts &parts, double &value) {
    if (parts.exponent < -largest_power || parts.exponent > largest_power) return false;
    const int exponent = static_cast<int>(parts.exponent);
    if (!nearest_double(parts.digits, exponent, value)) return false;
    if (!parts.cut) return true;
    // With digits left out the number lies between this and the next; mostly both round to the same.
    double above;
    return nearest_double(parts.digits + 1, exponent, above) && above == value;
}

#ifdef DETBENCH_FROM_CHARS
bool value_of_text(const char *first, const char *end, double &value) {
    const auto [stop, error] = std::from_chars(first, end, value);
    return error == std::errc{} && stop == end;
}
#else
// strtod goes by the user's locale, in which 1.5 may be written 1,5.
bool value_of_text(const char *first, const char *end, double &value) {
    static const locale_t plain = newlocale(LC_ALL_MASK, "C", nullptr);
    if (plain == nullptr) return false;
    char *stop;
    value = strtod_l(first, &stop, plain);
    return stop == end && std::isfinite(value);
}
#endif

}  // namespace

// Eisel and Lemire's algorithm (D. Lemire, "Number parsing at a gigabyte per second", Software: Practice and
// Experience 51, 2021), with the table kept to the powers whose 128 bits are exact or nearly so.
bool nearest_double(std::uint64_t digits, int exponent, double &value) {
    if (digits == 0) {
        value = 0;
        return true;
    }
    if (exponent < -largest_power || exponent > largest_power) return false;
    const int shift = std::countl_zero(digits);
    const std::uint64_t normal = digits << shift;
    const Power power = powers_of_five[static_cast<std::size_t>(exponent + largest_power)];
    Wide product = Wide{normal} * power.high;
    // 53 bits of result and one to round by; if the 9 below are all set, the power's other half may carry into them.
    constexpr std::uint64_t below = 0x1ff;
    if ((static_cast<std::uint64_t>(product >> 64) & below) == below) product += (Wide{normal} * power.low) >> 64;
    const auto high = static_cast<std::uint64_t>(product >> 64), low = static_cast<std::uint64_t>(product);
    if (low == std::numeric_limits<std::uint64_t>::max() && exponent < -27) return false;

    const int top = static_cast<int>(high >> 63);
    const int dropped = top + 9;
    std::uint64_t mantissa = high >> dropped;  // 54 bits
    // Exactly between two doubles, which only small powers allow: to the even one.
    if (low <= 1 && -4 <= exponent && exponent <= 23 && (mantissa & 3) == 1 && mantissa << dropped == high) --mantissa;
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    // 217706 / 2^16 is log2(10), near enough for these exponents; 63 and 1023 are the product's and the double's bias.
    int binary = ((217706 * exponent) >> 16) + 63 + 1023 + top - shift;
    if (mantissa >> 53 != 0) {
        mantissa >>= 1;
        ++binary;
    }
    // Neither overflow nor a subnormal is possible: 10^-55 ≤ value < 10^75.
    constexpr std::uint64_t stored = (std::uint64_t{1} << 52) - 1;  // the first bit of a mantissa is not
    value = std::bit_cast<double>((mantissa & stored) | static_cast<std::uint64_t>(binary) << 52);
    return true;
}

bool read_any_double(const char *&p, double &value) {
    const char *const first = p;
    Parts parts;
    if (!read_parts(p, parts)) return false;
    const bool bare_minus_zero = parts.negative && parts.whole && parts.digits == 0;
    if (!bare_minus_zero && value_of(parts, value)) {
        if (parts.negative) value = -value;
        return true;
    }
    return !bare_minus_zero && value_of_text(first, p, value);
}

bool skip_number(const char *&p) {
    Parts parts;
    return read_parts(p, parts);
}

bool read_integer(const char *&p, std::int64_t &value) {
    const bool negative = *p == '-';
    const char *const first = p + negative;
    const unsigned count = digit_run(first);
    p = first + count;
    if (count == 0 || (*first == '0' && (negative || count > 1)) || count > 19) return false;
    const std::uint64_t size = value_of_19(p, count);  // 19 nines fit in 64 bits
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
    value = negative ? -static_cast<std::int64_t>(size) : static_cast<std::int64_t>(size);
    return true;
}

}  // namespace detbench::scan
