// Strings, and values that are passed over: checked as JSON, and not built. Conventions are text.hpp's.
#pragma once

#include <string>
#include <string_view>

#include "text.hpp"

namespace detbench::scan {

// Deeper values are left to the general reader.
inline constexpr int deepest = 64;

// A key as it stands between its quotes; false also for one with an escape or not of plain ASCII, in which a known key
// might hide.
bool read_key(const char *&p, std::string_view &key);

// A string, its escapes decoded, put behind `text`. False also for a NUL in it.
bool read_string(const char *&p, std::string &text);

bool skip_string(const char *&p);

// Past any value.
bool skip_value(const char *&p);

// Past a list of numbers, or of such lists, no more than `depth` in one another, as Python's and JavaScript's writers
// put them. False, and p where it was, for any other: it may be JSON all the same. Masks are most of an annotation
// file, and this is what makes it fast.
bool skip_number_lists(const char *&p, int depth);

}  // namespace detbench::scan
