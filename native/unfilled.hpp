// Vectors for columns that are written from end to end once they have their length.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace detbench {

#if defined(__linux__) && defined(MADV_HUGEPAGE)
// Blocks of some megabytes get large pages: a fault for each small page is much of what filling a column costs.
// Larger blocks do not: where a virtual machine has given free memory back to its host, a fresh large page is cleared
// twice, and that cost more than the faults saved.
inline constexpr std::size_t large_page = std::size_t{2} << 20, most_in_large_pages = std::size_t{32} << 20;

inline bool in_large_pages(std::size_t bytes) { return bytes >= large_page && bytes <= most_in_large_pages; }

inline void *allocate_block(std::size_t bytes) {
    if (!in_large_pages(bytes)) return ::operator new(bytes);
    const std::size_t whole = (bytes + large_page - 1) / large_page * large_page;
    void *const block = std::aligned_alloc(large_page, whole);
    if (block == nullptr) throw std::bad_alloc();
    madvise(block, bytes / large_page * large_page, MADV_HUGEPAGE);  // advice: it may fail
    return block;
}

inline void free_block(void *block, std::size_t bytes) {
    if (in_large_pages(bytes)) std::free(block);
    else ::operator delete(block);
}
#else
inline void *allocate_block(std::size_t bytes) { return ::operator new(bytes); }
inline void free_block(void *block, std::size_t) { ::operator delete(block); }
#endif

// Leaves numbers unset where std::allocator fills in zeros: memory is first touched by the threads that write what
// belongs there, each its part, and not by one before them.
template <class T>
struct UnfilledAllocator : std::allocator<T> {
    UnfilledAllocator() = default;
    template <class U>
    UnfilledAllocator(const UnfilledAllocator<U> &) {}

    T *allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_array_new_length();
        return static_cast<T *>(allocate_block(count * sizeof(T)));
    }
    void deallocate(T *block, std::size_t count) { free_block(block, count * sizeof(T)); }

    template <class U>
    struct rebind {
        using other = UnfilledAllocator<U>;
    };

    template <class U>
    void construct(U *place) {
        ::new (static_cast<void *>(place)) U;
    }
    template <class U, class... Arguments>
    void construct(U *place, Arguments &&...arguments) {
        ::new (static_cast<void *>(place)) U(std::forward<Arguments>(arguments)...);
    }
};

// A vector; `resize`, and the constructor that takes a count, are for who then writes every element.
template <class T>
using UnfilledVector = std::vector<T, UnfilledAllocator<T>>;

}  // namespace detbench
