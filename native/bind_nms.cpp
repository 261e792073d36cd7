// Bindings of non-maximum suppression.
#include <array>
#include <optional>
#include <utility>

#include <nanobind/stl/optional.h>

#include "bindings.hpp"
#include "handover.hpp"
#include "suppress.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

template <typename Real, typename Score>
nb::object nms(const Table<Real> &box, const Column<Score> &score, const std::optional<Column<std::int32_t>> &category,
               double iou_threshold, std::size_t limit) {
    const std::size_t count = box.shape(0);
    require(box.shape(1) == 4, "boxes have 4 columns");
    require_length(score, count, "boxes and scores differ in number");
    require(!category || category->shape(0) == count, "boxes and categories differ in number");
    require(count < std::size_t{1} << 32, "there are more than 2^32 boxes");
    const ScoredBoxes<Real, Score> boxes{box.data(), score.data(), category ? category->data() : nullptr, count};
    UnfilledVector<std::int64_t> kept = [&] {
        nb::gil_scoped_release release;
        return suppress(boxes, static_cast<Real>(iou_threshold), limit);
    }();
    const std::array shape{kept.size()};
    return owned<std::int64_t>(std::move(kept), shape);
}

template <typename Real, typename Score>
void bind(nb::module_ &module) {
    module.def("nms", &nms<Real, Score>, "box"_a.noconvert(), "score"_a.noconvert(), "category"_a.none().noconvert(),
               "iou_threshold"_a, "limit"_a);
}

}  // namespace

void bind_nms(nb::module_ &module) {
    bind<float, float>(module);
    bind<float, double>(module);
    bind<double, float>(module);
    bind<double, double>(module);
}

}  // namespace detbench::bindings
