#include "json.hpp"

#include "numbers.hpp"

namespace detbench::scan {
namespace {

void skip_plain(const char *&p) {
    for (;; p += 16)
        if (const std::uint32_t stop = Bytes(p).not_plain()) {
            p += std::countr_zero(stop);
            return;
        }
}

bool in(unsigned char c, unsigned low, unsigned high) { return low <= c && c <= high; }

// One character of two to four bytes, as the Unicode standard's table 3-7 has them: none longer than need be, no half
// of a surrogate pair, none beyond U+10FFFF.
bool skip_long_character(const char *&p) {
    const auto first = static_cast<unsigned char>(*p);
    if (!in(first, 0xc2, 0xf4)) return false;
    const int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    unsigned low = 0x80, high = 0xbf;  // what the second byte may be
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    ++p;
    for (int i = 0; i < more; ++i, ++p, low = 0x80, high = 0xbf)
        if (!in(static_cast<unsigned char>(*p), low, high)) return false;
    return true;
}

bool read_hexadecimal(const char *&p, std::uint32_t &code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++p) {
        const char c = *p, lower = static_cast<char>(c | 0x20);
        if ('0' <= c && c <= '9')
            code = code << 4 | static_cast<std::uint32_t>(c - '0');
        else if ('a' <= lower && lower <= 'f')
            code = code << 4 | static_cast<std::uint32_t>(lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

// The second half of a pair, p behind the first.
bool read_low_surrogate(const char *&p, std::uint32_t &code) {
    if (*p != '\\') return false;
    if (*++p != 'u') return false;
    ++p;
    std::uint32_t low;
    if (!read_hexadecimal(p, low)) return false;
    if (low < 0xdc00 || low > 0xdfff) {
        --p;
        return false;
    }
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

// What an escape stands for, p behind its backslash.
bool read_escape(const char *&p, std::uint32_t &code) {
    switch (*p) {
        case '"': case '\\': case '/': code = static_cast<unsigned char>(*p); break;
        case 'b': code = '\b'; break;
        case 'f': code = '\f'; break;
        case 'n': code = '\n'; break;
        case 'r': code = '\r'; break;
        case 't': code = '\t'; break;
        case 'u':
            ++p;
            if (!read_hexadecimal(p, code)) return false;
            if (code < 0xd800 || code > 0xdfff) return true;
            if (code > 0xdbff) {
                --p;
                return false;
            }
            return read_low_surrogate(p, code);
        default: return false;
    }
    ++p;
    return true;
}

void put_character(std::string &text, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (code < 0x80) {
        put(code);
        return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::uint32_t mark[4] = {0, 0xc0, 0xe0, 0xf0};
    put(mark[more] | code >> (6 * more));
    for (int i = more - 1; i >= 0; --i) put(0x80 | (code >> (6 * i) & 0x3f));
}

// A string piece by piece: `plain(first, end)` takes what stands for itself, `character(code)` what an escape stands
// for, and may refuse it.
template <class Plain, class Character>
bool walk_string(const char *&p, Plain &&plain, Character &&character) {
    if (*p != '"') return false;
    ++p;
    for (;;) {
        const char *const first = p;
        skip_plain(p);
        while (static_cast<signed char>(*p) < 0) {
            if (!skip_long_character(p)) return false;
            skip_plain(p);
        }
        plain(first, p);
        if (*p == '"') {
            ++p;
            return true;
        }
        if (*p != '\\') return false;
        ++p;
        std::uint32_t code;
        if (!read_escape(p, code)) return false;
        if (!character(code)) {
            --p;
            return false;
        }
    }
}

bool skip_word(const char *&p, const char *word) {
    for (; *word != 0; ++word, ++p)
        if (*p != *word) return false;
    return true;
}

bool skip_scalar(const char *&p) {
    switch (*p) {
        case '"': return skip_string(p);
        case 't': return skip_word(p, "true");
        case 'f': return skip_word(p, "false");
        case 'n': return skip_word(p, "null");
        default: return skip_number(p);
    }
}

// The lists and objects that are open, the innermost in the lowest bit: 1 for an object. No recursion: how deep a text
// goes is its writer's choice.
class Nesting {
    std::uint64_t kinds_ = 0;
    int depth_ = 0;

  public:
    bool open(bool object) {
        if (depth_ == deepest) return false;
        kinds_ = kinds_ << 1 | static_cast<std::uint64_t>(object);
        ++depth_;
        return true;
    }
    void close() {
        kinds_ >>= 1;
        --depth_;
    }
    int room() const { return deepest - depth_; }
    bool outside() const { return depth_ == 0; }
    bool in_object() const { return (kinds_ & 1) != 0; }
};

bool skip_key(const char *&p) {
    if (!skip_string(p) || !skip_mark(p, ':')) return false;
    skip_space(p);
    return true;
}

// From behind a value to the start of the next, or behind the end of all that is open.
bool skip_to_next(const char *&p, Nesting &nesting) {
    while (!nesting.outside()) {
        skip_space(p);
        const bool object = nesting.in_object();
        if (*p == (object ? '}' : ']')) {
            ++p;
            nesting.close();
            continue;
        }
        if (*p != ',') return false;
        ++p;
        skip_space(p);
        return !object || skip_key(p);
    }
    return true;
}

}  // namespace

bool read_key(const char *&p, std::string_view &key) {
    if (*p != '"') return false;
    const char *const first = ++p;
    skip_plain(p);
    if (*p != '"') return false;
    key = {first, static_cast<std::size_t>(p - first)};
    ++p;
    return true;
}

bool read_string(const char *&p, std::string &text) {
    return walk_string(
        p, [&](const char *first, const char *end) { text.append(first, end); },
        [&](std::uint32_t code) {
            if (code != 0) put_character(text, code);
            return code != 0;
        });
}

bool skip_string(const char *&p) {
    return walk_string(p, [](const char *, const char *) {}, [](std::uint32_t) { return true; });
}

bool skip_value(const char *&p) {
    Nesting nesting;
    do {
        const char opening = *p;
        if (opening == '[' && skip_number_lists(p, nesting.room())) {
            if (!skip_to_next(p, nesting)) return false;
            continue;
        }
        if (opening != '[' && opening != '{') {
            if (!skip_scalar(p) || !skip_to_next(p, nesting)) return false;
            continue;
        }
        const bool object = opening == '{';
        if (!nesting.open(object)) return false;
        ++p;
        skip_space(p);
        if (*p == (object ? '}' : ']')) {
            ++p;
            nesting.close();
            if (!skip_to_next(p, nesting)) return false;
        } else if (object && !skip_key(p)) {
            return false;
        }
    } while (!nesting.outside());
    return true;
}

}  // namespace detbench::scan
