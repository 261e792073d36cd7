// Runs the fuzz target where there is no libFuzzer: mutates the texts of a corpus, with an eye to JSON, for some
// seconds, and leaves a text that fails in a file. Before that, the two parts that have a grammar of their own,
// numbers and lists of numbers, are held against plain ones.
//
//     driver SECONDS SEED FILE…
#include <sanitizer/common_interface_defs.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../scan/json.hpp"
#include "../scan/numbers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

using Random = std::mt19937_64;

std::string current;  // what is being tested

void keep_current() {
    constexpr const char *path = "failed-input.json";
    std::ofstream(path, std::ios::binary).write(current.data(), static_cast<std::streamsize>(current.size()));
    std::fprintf(stderr, "the text that failed is in %s\n", path);
}

void on_abort(int) { keep_current(); }

void require(bool condition, const char *what) {
    if (condition) return;
    std::fprintf(stderr, "%s: %.200s\n", what, current.c_str());
    std::abort();
}

std::size_t below(Random &random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

// ---- texts ----

constexpr std::string_view tokens[] = {
    "0", "-0", "-0.0", "1", "01", "1.", ".5", "-", "1e5", "1E-7", "1e400", "1e-400", "5e-324", "1.7976931348623157e308",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "12345678901234567890123456789012345678901234567890", "0.00000000000000000000000000000000000000000000001", "1e15",
    "1000000000000000.1", "NaN", "Infinity", "true", "false", "null", "\"", "\"\"", "\\", "\\\"", "\\u00e9", "\\ud83d",
    "\\ude00", "\\ud83d\\ude00", "\\u0000", "\xff", "\xc3\xa9", "\xc3", "\xed\xa0\x80", "\xf0\x9f\x98\x80",
    "\xef\xbb\xbf",
    "[", "]", "{", "}", "[]", "{}", "[[", "]]", "}, {", ",", ", ", ":", ": ", " ", "\n", "\t", "..", "\"image_id\": ",
    "\"category_id\": ", "\"bbox\": [1, 2, 3, 4], ", "\"bbox\": ", "\"score\": ", "\"id\": 1, ", "\"area\": null, ",
    "\"area\": ", "\"iscrowd\": 1, ", "\"ignore\": 1, ", "\"difficult\": 0, ", "\"truncated\": 2, ",
    "\"occluded\": -1, ",
    "\"segmentation\": [[1.5, 2, -3.25]], ", "\"x\": {\"y\": [1, {}]}, ", "\"images\": [", "\"annotations\": [",
    "\"categories\": [", "\"name\": \"a\"", "\"file_name\": \"a.jpg\", ", "\"width\": 1, ", "\"height\": 1, ",
    "\"ignored_regions\": [], "};

std::string token(Random &random) {
    if (random() % 16 == 0) return std::string(1 + below(random, 80), random() % 2 == 0 ? '[' : '1');
    return std::string(tokens[below(random, std::size(tokens))]);
}

void mutate(std::string &text, const std::vector<std::string> &corpus, Random &random) {
    constexpr std::size_t longest = 1 << 14;
    const std::size_t at = below(random, text.size() + 1), left = text.size() - at;
    const std::size_t length = below(random, std::min<std::size_t>(left, random() % 4 == 0 ? 400 : 12) + 1);
    switch (random() % 7) {
        case 0:
            if (left > 0) text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
            break;
        case 1: text.erase(at, length); break;
        case 2: text.insert(at, token(random)); break;
        case 3: text.replace(at, length, token(random)); break;
        case 4: text.insert(at, text.substr(at, length)); break;
        case 5: {
            const std::string &other = corpus[below(random, corpus.size())];
            text.replace(at, length, other, below(random, other.size()), below(random, 100));
            break;
        }
        default: {  // the value after a mark
            const std::size_t mark = text.find_first_of(":[,", at);
            const std::size_t end = mark == std::string::npos ? mark : text.find_first_of(",]}", mark + 1);
            if (end != std::string::npos) text.replace(mark + 1, end - mark - 1, token(random));
        }
    }
    if (text.size() > longest) text.resize(longest);
}

void fuzz(const std::vector<std::string> &corpus, double seconds, Random &random) {
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t count = 0;
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
        current = corpus[below(random, corpus.size())];
        for (std::size_t i = 0, changes = below(random, 4); i <= changes; ++i) mutate(current, corpus, random);
        // A copy of exactly that length, so that reading beyond it is seen.
        const std::vector<std::uint8_t> bytes(current.begin(), current.end());
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        ++count;
    }
    std::printf("%llu texts\n", static_cast<unsigned long long>(count));
}

// ---- numbers ----

// A text with the padding that text.hpp asks for.
class Padded {
    std::string bytes_;

  public:
    explicit Padded(std::string_view text)
        : bytes_(std::string(detbench::scan::padding, '\0') + std::string(text) +
                 std::string(detbench::scan::padding, '\0')) {}
    const char *begin() const { return bytes_.data() + detbench::scan::padding; }
};

std::string digits(Random &random, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += static_cast<char>('0' + random() % 10);
    return text;
}

double any_double(Random &random) {
    for (;;) {
        const auto value = std::bit_cast<double>(random());
        if (std::isfinite(value)) return value;
    }
}

// Exactly between a double and the next: all its digits.
std::string between_doubles(Random &random) {
    const double value = std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(below(random, 120)) - 110);
    char text[512];
    std::snprintf(text, sizeof text, "%.*Lf", 130,
                  (static_cast<long double>(value) + static_cast<long double>(std::nextafter(value, HUGE_VAL))) / 2);
    return text;
}

std::string number(Random &random) {
    char text[128];
    const auto precision = static_cast<int>(below(random, 25));
    switch (random() % 7) {
        case 0: std::snprintf(text, sizeof text, "%.17g", any_double(random)); break;
        case 1: std::snprintf(text, sizeof text, "%.*e", precision, any_double(random)); break;
        case 2: std::snprintf(text, sizeof text, "%.*f", precision, static_cast<double>(random()) / 0x1p54); break;
        case 3: std::snprintf(text, sizeof text, "%.17g", static_cast<double>(random() >> 40) / 0x1p14); break;
        case 4: return std::to_string(random() % 100000) + "." + digits(random, 1 + below(random, 30));
        case 5: return between_doubles(random);
        default:
            return std::to_string(1 + random() % 9) + digits(random, below(random, 40)) + "e" +
                   std::to_string(static_cast<int>(below(random, 700)) - 350);
    }
    return text;
}

void check_numbers(Random &random, int count) {
    int declined = 0;
    for (int i = 0; i < count; ++i) {
        current = number(random);
        const Padded padded(current);
        const char *p = padded.begin();
        double value;
        if (!detbench::scan::read_double(p, value)) {
            ++declined;
            continue;
        }
        const double expected = std::strtod(current.c_str(), nullptr);
        require(std::memcmp(&value, &expected, sizeof value) == 0, "another double than strtod's");
        require(p == padded.begin() + current.size(), "a number's end is missed");
    }
    require(declined < count / 10, "most numbers are declined");
    std::printf("%d numbers, %d declined\n", count, declined);
}

// ---- lists of numbers ----

// The grammar, spelled out. Returns the position behind a value that begins at `at`, npos if there is none.
std::size_t plain_number(std::string_view text, std::size_t at) {
    const auto digit = [&] { return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0; };
    const auto next = [&](char c) { return at < text.size() && text[at] == c ? (++at, true) : false; };
    (void)next('-');
    if (!digit()) return std::string_view::npos;
    if (!next('0'))
        while (digit()) ++at;
    if (!next('.')) return at;
    if (!digit()) return std::string_view::npos;
    while (digit()) ++at;
    return at;
}

std::size_t plain_value(std::string_view text, std::size_t at) {
    if (at >= text.size() || text[at] != '[') return plain_number(text, at);
    if (++at < text.size() && text[at] == ']') return at + 1;
    for (;; ++at) {
        while (at < text.size() && text[at] == ' ') ++at;
        at = plain_value(text, at);
        if (at >= text.size()) return std::string_view::npos;
        if (text[at] == ']') return at + 1;
        if (text[at] != ',') return std::string_view::npos;
    }
}

void check_list(std::string_view text) {
    current = text;
    const Padded padded(text);
    const char *p = padded.begin();
    if (!detbench::scan::skip_number_lists(p, 64)) return;
    require(static_cast<std::size_t>(p - padded.begin()) == plain_value(text, 0), "no list of numbers");
}

// Every text of up to `longest` marks, behind a list that puts them at any place of a block.
void check_lists(std::size_t longest, Random &random) {
    constexpr std::string_view marks = "01.-, []";
    std::uint64_t count = 0;
    for (std::size_t length = 1; length <= longest; ++length)
        for (std::uint64_t code = 0; code < std::uint64_t{1} << (3 * length); ++code, ++count) {
            std::string text = "[";
            for (std::size_t i = 0, before = random() % 35; i < before; ++i) text += i % 3 == 0 ? "7," : "1.5, ";
            for (std::size_t i = 0; i < length; ++i) text += marks[code >> (3 * i) & 7];
            check_list(text + "]");
            check_list(text + "],[2]]");
        }
    std::printf("%llu lists of numbers\n", static_cast<unsigned long long>(count));
}

std::string content(const char *path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int count, char **arguments) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (count < 4) {
        std::fprintf(stderr, "usage: driver SECONDS SEED FILE...\n");
        return 2;
    }
    const double seconds = std::atof(arguments[1]);
    Random random(std::strtoull(arguments[2], nullptr, 10));
    std::vector<std::string> corpus;
    for (int i = 3; i < count; ++i) corpus.push_back(content(arguments[i]));
    __sanitizer_set_death_callback(keep_current);
    std::signal(SIGABRT, on_abort);
    check_numbers(random, 200000);
    check_lists(6, random);
    for (const std::string &text : corpus) {
        current = text;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(text.data()), text.size());
    }
    fuzz(corpus, seconds, random);
    return 0;
}
