// Memory for columns: where it is large, in pages of 2 MiB. A column of millions of rows is written once, from end to
// end, and with pages of 4 KiB the system would be entered for every five hundred numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace detbench {

constexpr std::size_t large_page_bytes = std::size_t{1} << 21;

// Allocates; what is at least one large page begins on one. What the elements are is not said: `resize` and the
// constructor that takes a count leave numbers unset, for whoever writes all of them.
template <class T>
struct LargeAllocator {
    using value_type = T;

    LargeAllocator() = default;
    template <class U>
    LargeAllocator(const LargeAllocator<U> &) {}

    static bool is_large(std::size_t count) { return count > large_page_bytes / 2 / sizeof(T); }

    T *allocate(std::size_t count) {
        if (!is_large(count)) return std::allocator<T>().allocate(count);
        const std::size_t bytes = count * sizeof(T);
        const std::size_t paged = (bytes + large_page_bytes / 2) / large_page_bytes * large_page_bytes;
        void *memory = ::operator new(std::max(bytes, paged), std::align_val_t{large_page_bytes});
#if defined(__linux__)
        ::madvise(memory, paged, MADV_HUGEPAGE);  // if the system has none, small pages do
#endif
        return static_cast<T *>(memory);
    }
    void deallocate(T *memory, std::size_t count) {
        if (is_large(count)) ::operator delete(memory, std::align_val_t{large_page_bytes});
        else std::allocator<T>().deallocate(memory, count);
    }

    template <class U>
    void construct(U *place) {
        ::new (static_cast<void *>(place)) U;
    }
    template <class U, class... Arguments>
    void construct(U *place, Arguments &&...arguments) {
        ::new (static_cast<void *>(place)) U(std::forward<Arguments>(arguments)...);
    }

    friend bool operator==(const LargeAllocator &, const LargeAllocator &) { return true; }
};

template <class T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

}  // namespace detbench
