// Lists of numbers checked 64 bytes at a time: which byte may follow which is a few operations on sets of positions,
// one bit a byte.
#include <algorithm>

#include "json.hpp"

namespace detbench::scan {
namespace {

using Set = std::uint64_t;  // of positions in a block of 64 bytes

template <class Of>
Set set_of(const Bytes (&block)[4], Of &&of) {
    return Set{of(block[0])} | Set{of(block[1])} << 16 | Set{of(block[2])} << 32 | Set{of(block[3])} << 48;
}

struct Kinds {
    Set digit, zero, point, minus, comma, space, open, close;

    explicit Kinds(const char *p) {
        const Bytes block[4] = {Bytes(p), Bytes(p + 16), Bytes(p + 32), Bytes(p + 48)};
        const auto equal = [&](char c) { return set_of(block, [c](const Bytes &b) { return b.equal(c); }); };
        digit = set_of(block, [](const Bytes &b) { return b.digits(); });
        zero = equal('0');
        point = equal('.');
        minus = equal('-');
        comma = equal(',');
        space = equal(' ');
        open = equal('[');
        close = equal(']');
    }
};

// A set moved on by one byte, the last byte of the block before moved in.
class Moved {
    Set last_ = 0;

  public:
    Set operator()(Set set) {
        const Set moved = set << 1 | last_ >> 63;
        last_ = set;
        return moved;
    }
};

// What one block leaves to the next.
class Grammar {
    Moved after_digit_, after_close_, after_comma_, after_point_, after_open_;
    Moved before_value_, before_digits_, lone_zero_;
    Set in_decimals_ = 0;  // 1 if the block before ended in a number's decimals

    // Points behind the decimals of a number: adding a run's first bit carries through it to the byte behind.
    Set second_points(const Kinds &at) {
        const Set first = after_point_(at.point) & at.digit;
        const Set sum = at.digit + first, behind = sum + in_decimals_;
        in_decimals_ = static_cast<Set>(sum < first) | static_cast<Set>(behind < sum);
        return behind & ~at.digit & at.point;
    }

  public:
    // For the list's own bracket, which stands in no list.
    Grammar() { (void)before_value_(Set{1} << 63); }

    // The positions of bytes that cannot stand where they do. Only a digit may follow a point or a minus, and all
    // others say what they follow, so that those two need no rule of their own.
    Set misplaced(const Kinds &at) {
        const Set begin = at.comma | at.space | at.open;  // a value may come
        const Set behind_begin = before_value_(begin), behind_digit = after_digit_(at.digit);
        const Set behind_close = after_close_(at.close), behind_comma = after_comma_(at.comma);
        const Set first_digit = at.digit & before_digits_(begin | at.minus);
        const Set known = at.digit | at.point | at.minus | at.comma | at.space | at.open | at.close;
        Set misplaced = ~known;
        misplaced |= at.digit & (behind_close | lone_zero_(first_digit & at.zero));
        misplaced |= (at.point & ~behind_digit) | second_points(at);
        misplaced |= (at.minus | at.open) & ~behind_begin;
        misplaced |= at.comma & ~(behind_digit | behind_close);
        misplaced |= at.space & ~behind_comma;
        misplaced |= at.close & ~(behind_digit | behind_close | after_open_(at.open));
        return misplaced;
    }
};

// Counts the brackets of a block: how many are open, and at most were. Returns the position of the one that closes
// all, 64 if none does.
int closing(const Kinds &at, int &open, int &most) {
    for (Set rest = at.open | at.close; rest != 0; rest &= rest - 1) {
        const Set bracket = rest & -rest;
        open += (at.open & bracket) != 0 ? 1 : -1;
        if (open == 0) return std::countr_zero(bracket);
        most = std::max(most, open);
    }
    return 64;
}

}  // namespace

bool skip_number_lists(const char *&p, int depth) {
    Grammar grammar;
    int open = 0, most = 0;
    for (const char *block = p;; block += 64) {
        const Kinds at(block);
        const Set misplaced = grammar.misplaced(at);
        const int end = closing(at, open, most);
        const Set inside = end < 63 ? (Set{2} << end) - 1 : ~Set{0};
        if ((misplaced & inside) != 0 || most > depth) return false;
        if (end < 64) {
            p = block + end + 1;
            return true;
        }
    }
}

}  // namespace detbench::scan
