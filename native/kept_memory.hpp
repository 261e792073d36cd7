// Memory for large answers, kept from one to the next: the system clears new memory before it is first written, which
// takes longer than writing it. What is kept is on loan: the system may take its pages whenever it needs some.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace detbench {

struct Block {
    void *data = nullptr;
    std::size_t bytes = 0;
};

// One block at most is kept, the largest that was given back.
class KeptMemory {
public:
    Block take(std::size_t bytes) {
        {
            const std::lock_guard lock(mutex_);
            if (kept_.bytes >= bytes) return std::exchange(kept_, {});
        }
        const std::size_t whole = (bytes + large_page - 1) / large_page * large_page;
        const Block block{std::aligned_alloc(large_page, whole), whole};
        if (block.data == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        madvise(block.data, block.bytes, MADV_HUGEPAGE);  // advice: it may fail
#endif
        return block;
    }

    void give_back(Block block) {
#if defined(__linux__) && defined(MADV_FREE)
        if (madvise(block.data, block.bytes, MADV_FREE) == 0) {
            const std::lock_guard lock(mutex_);
            if (kept_.bytes < block.bytes) std::swap(kept_, block);
        }
#endif
        std::free(block.data);
    }

private:
    static constexpr std::size_t large_page = std::size_t{2} << 20;
    std::mutex mutex_;
    Block kept_;
};

}  // namespace detbench
