#include "overlap.hpp"

// One function for each width of vectors that a processor may have; the right one is chosen when the module is loaded.
#if defined(__x86_64__) && defined(__GLIBC__) && (defined(__clang__) ? __clang_major__ >= 14 : __GNUC__ >= 8)
#define DETBENCH_FOR_EACH_WIDTH __attribute__((target_clones("avx2", "default")))
#define DETBENCH_INLINE __attribute__((always_inline)) inline
#else
#define DETBENCH_FOR_EACH_WIDTH
#define DETBENCH_INLINE inline
#endif

namespace detbench {
namespace {

template <typename Real>
DETBENCH_INLINE bool search(const Block<Real> *blocks, std::uint32_t first, const Box<Real> &box, Real threshold) {
    const Box<Real> one = box;  // in registers
    for (std::uint32_t b = first; b != no_block; b = blocks[b].next) {
        const Block<Real> &block = blocks[b];
        int found = 0;
        for (std::size_t i = 0; i < lanes_each; ++i) {
            const Real width = (block.x2[i] < one.x2 ? block.x2[i] : one.x2) - (block.x1[i] > one.x1 ? block.x1[i] : one.x1);
            const Real height = (block.y2[i] < one.y2 ? block.y2[i] : one.y2) - (block.y1[i] > one.y1 ? block.y1[i] : one.y1);
            const Real common = (width > 0 ? width : 0) * (height > 0 ? height : 0);
            const Real iou = common / (block.area[i] + one.area - common);
            found |= static_cast<int>(iou > threshold) & static_cast<int>(block.category[i] == one.category);
        }
        if (found) return true;
    }
    return false;
}

}  // namespace

DETBENCH_FOR_EACH_WIDTH
bool any_overlaps(const Block<float> *blocks, std::uint32_t first, const Box<float> &box, float threshold) {
    return search(blocks, first, box, threshold);
}

DETBENCH_FOR_EACH_WIDTH
bool any_overlaps(const Block<double> *blocks, std::uint32_t first, const Box<double> &box, double threshold) {
    return search(blocks, first, box, threshold);
}

}  // namespace detbench
