// Records of a list, one by one.
//
// A file's records mostly look alike: the same keys in the same order with the same spaces. So the text between the
// values of a record is remembered and, in the next one, compared as a whole; only the values are read. A record that
// looks different is read key by key, and is what the next is compared with.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "json.hpp"
#include "text.hpp"

namespace detbench::scan {

// A few bytes to be compared with text, eight at a time.
class Literal {
    static constexpr std::size_t words = 6;
    std::array<std::uint64_t, words> word_{}, mask_{};
    std::size_t used_ = 0, size_ = 0;

  public:
    static constexpr std::size_t longest = 8 * words;

    Literal() = default;
    explicit Literal(std::string_view text) : used_((text.size() + 7) / 8), size_(text.size()) {
        static constexpr char ones[longest + 1] =
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
        std::memcpy(word_.data(), text.data(), size_);
        std::memcpy(mask_.data(), ones, size_);
    }
    bool skip(const char *&p) const {
        std::uint64_t difference = 0;
        for (std::size_t i = 0; i < used_; ++i) difference |= (load_8(p + 8 * i) ^ word_[i]) & mask_[i];
        p += size_;
        return difference == 0;
    }
    std::string text() const { return {reinterpret_cast<const char *>(word_.data()), size_}; }
};

// The text between a record's values, and which field each value is.
class Shape {
    struct Value {
        Literal before;
        unsigned field = 0;
    };
    static constexpr std::size_t most_values = 32;
    std::array<Value, most_values> values_;
    std::size_t count_ = 0;
    Literal close_;
    bool fits_ = false;

  public:
    void start() {
        count_ = 0;
        fits_ = true;
    }
    void add(std::string_view before, unsigned field) {
        fits_ = fits_ && count_ < most_values && before.size() <= Literal::longest;
        if (fits_) values_[count_++] = {Literal(before), field};
    }
    void finish(std::string_view close) {
        fits_ = fits_ && close.size() <= Literal::longest;
        if (fits_) close_ = Literal(close);
    }
    void forget() { fits_ = false; }

    bool known() const { return fits_; }
    // What a record starts with, up to its first value.
    std::string opening() const { return fits_ ? values_[0].before.text() : "{"; }

    template <class Read>
    bool follow(const char *&p, Read &&read) const {
        for (std::size_t i = 0; i < count_; ++i)
            if (!values_[i].before.skip(p) || !read(values_[i].field, p)) return false;
        return close_.skip(p);
    }
};

// Reads records of one kind. A kind says
//   keys                     the keys of its fields
//   clear()                  every field as it is where a record lacks it
//   read(field, p)           the value of one field
//   required                 a set of fields, one bit each, that no record lacks
template <class Record>
class RecordReader {
    static constexpr unsigned unknown = 64;
    Shape shape_;

    static unsigned field_of(std::string_view key) {
        for (unsigned i = 0; i < Record::keys.size(); ++i)
            if (Record::keys[i] == key) return i;
        return unknown;
    }
    static bool read_value(Record &record, unsigned field, const char *&p) {
        return field == unknown ? skip_value(p) : record.read(field, p);
    }

    // One key with its value. `last` is where the value before it ended.
    bool read_pair(const char *&p, const char *last, Record &record, std::uint64_t &seen) {
        skip_space(p);
        std::string_view key;
        const char *const start = p;
        if (!read_key(p, key) || !skip_mark(p, ':')) return false;
        skip_space(p);
        const unsigned field = field_of(key);
        if (field != unknown) {
            if ((seen >> field & 1) != 0) {
                p = start;
                return false;
            }
            seen |= std::uint64_t{1} << field;
        }
        shape_.add({last, static_cast<std::size_t>(p - last)}, field);
        return read_value(record, field, p);
    }

    bool by_keys(const char *&p, Record &record) {
        const char *const first = p;
        if (*p != '{') return false;
        record.clear();
        shape_.start();
        std::uint64_t seen = 0;
        const char *last = p;
        do {
            ++p;  // past the brace or the comma
            if (!read_pair(p, last, record, seen)) return false;
            last = p;
            skip_space(p);
        } while (*p == ',');
        if (*p != '}') return false;
        ++p;
        shape_.finish({last, static_cast<std::size_t>(p - last)});
        if ((seen & Record::required) == Record::required) return true;
        p = first;
        return false;
    }

  public:
    bool read(const char *&p, Record &record) {
        if (shape_.known()) {
            record.clear();
            const char *at = p;
            if (shape_.follow(at, [&](unsigned field, const char *&q) { return read_value(record, field, q); })) {
                p = at;
                return true;
            }
        }
        const bool read = by_keys(p, record);
        if (!read) shape_.forget();
        return read;
    }

    std::string opening() const { return shape_.opening(); }
};

}  // namespace detbench::scan
