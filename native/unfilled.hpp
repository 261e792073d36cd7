// Vectors for columns that are written from end to end once they have their length.
#pragma once

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace detbench {

// Leaves numbers unset where std::allocator fills in zeros: memory is first touched by the threads that write what
// belongs there, each its part, and not by one before them.
template <class T>
struct UnfilledAllocator : std::allocator<T> {
    UnfilledAllocator() = default;
    template <class U>
    UnfilledAllocator(const UnfilledAllocator<U> &) {}

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
