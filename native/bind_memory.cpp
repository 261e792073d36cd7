// Binding of memory for answers.
#include <nanobind/stl/vector.h>

#include <memory>
#include <vector>

#include "bindings.hpp"
#include "kept_memory.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

// Arrays may outlive the module, so what keeps their memory is never destroyed.
KeptMemory &kept_memory() {
    static KeptMemory *const memory = new KeptMemory;
    return *memory;
}

// An array of this shape that holds anything, of float64 if `wide`, else of float32.
nb::object unfilled(const std::vector<std::size_t> &shape, bool wide) {
    std::size_t bytes = wide ? sizeof(double) : sizeof(float);
    for (const std::size_t side : shape)
        require(!__builtin_mul_overflow(bytes, side, &bytes), "the answer does not fit into memory");
    auto block = std::make_unique<Block>(kept_memory().take(bytes));
    void *const data = block->data;
    const nb::capsule owner(block.get(), [](void *memory) noexcept {
        const std::unique_ptr<Block> done(static_cast<Block *>(memory));
        kept_memory().give_back(*done);
    });
    block.release();
    if (wide) return nb::cast(nb::ndarray<nb::numpy, double>(data, shape.size(), shape.data(), owner));
    return nb::cast(nb::ndarray<nb::numpy, float>(data, shape.size(), shape.data(), owner));
}

}  // namespace

void bind_memory(nb::module_ &module) { module.def("unfilled", &unfilled, "shape"_a, "wide"_a); }

}  // namespace detbench::bindings
