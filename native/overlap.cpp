#include "overlap.hpp"

// One function for each width of vectors that a processor may have; the right one is chosen when the module is loaded.
#if defined(__x86_64__) && defined(__GLIBC__) && (defined(__clang__) ? __clang_major__ >= 14 : __GNUC__ >= 8)
#define DETBENCH_FOR_EACH_WIDTH __attribute__((target_clones("avx2", "default")))
#else
#define DETBENCH_FOR_EACH_WIDTH
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
            const Box<Real> other = block.at(i);
            const Real iou = intersection_over_union(other, one);
            found |= static_cast<int>(iou > threshold) & static_cast<int>(other.category == one.category);
        }
        if (found) return true;
    }
    return false;
}

template <typename Real>
DETBENCH_INLINE void each_overlap(const Box<Real> &one, const Columns<Real> &boxes, Real *iou) {
    const Box<Real> kept = one;
    const Real *const x1 = boxes.x1.data(), *const y1 = boxes.y1.data(), *const x2 = boxes.x2.data(),
                     *const y2 = boxes.y2.data(), *const area = boxes.area.data();
    for (std::size_t i = 0, count = boxes.x1.size(); i < count; ++i)
        iou[i] = intersection_over_union(kept, {x1[i], y1[i], x2[i], y2[i], area[i], 0});
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

DETBENCH_FOR_EACH_WIDTH
void overlaps_of(const Box<float> &one, const Columns<float> &boxes, float *iou) { each_overlap(one, boxes, iou); }

DETBENCH_FOR_EACH_WIDTH
void overlaps_of(const Box<double> &one, const Columns<double> &boxes, double *iou) { each_overlap(one, boxes, iou); }

}  // namespace detbench
