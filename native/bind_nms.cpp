// Bindings of non-maximum suppression.
#include <array>
#include <optional>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include "bindings.hpp"
#include "handover.hpp"
#include "soft_suppress.hpp"
#include "suppress.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

template <typename Real, typename Score>
ScoredBoxes<Real, Score> scored(const Table<Real> &box, const Column<Score> &score, const std::int32_t *category) {
    require(box.shape(1) == 4, "boxes have 4 columns");
    require_length(score, box.shape(0), "boxes and scores differ in number");
    require(box.shape(0) < std::size_t{1} << 32, "there are more than 2^32 boxes");
    return {box.data(), score.data(), category, box.shape(0)};
}

template <typename Values>
nb::object column(Values &&values) {
    const std::array shape{values.size()};
    return owned<typename Values::value_type>(std::move(values), shape);
}

template <typename Real, typename Score>
nb::object nms(const Table<Real> &box, const Column<Score> &score, const std::optional<Column<std::int32_t>> &category,
               double iou_threshold, std::size_t limit) {
    require(!category || category->shape(0) == box.shape(0), "boxes and categories differ in number");
    const ScoredBoxes<Real, Score> boxes = scored(box, score, category ? category->data() : nullptr);
    UnfilledVector<std::int64_t> kept = [&] {
        nb::gil_scoped_release release;
        return suppress(boxes, static_cast<Real>(iou_threshold), limit);
    }();
    return column(std::move(kept));
}

template <typename Real, typename Score>
std::pair<nb::object, nb::object> soft_nms(const Table<Real> &box, const Column<Score> &score, bool gaussian,
                                           double iou_threshold, double sigma, double score_threshold,
                                           std::size_t limit) {
    const ScoredBoxes<Real, Score> boxes = scored(box, score, nullptr);
    const Decay<Real, Score> decay{gaussian, static_cast<Real>(iou_threshold), static_cast<Real>(sigma),
                                   static_cast<Score>(score_threshold)};
    Taken<Score> taken = [&] {
        nb::gil_scoped_release release;
        return soft_suppress(boxes, decay, limit);
    }();
    return {column(std::move(taken.row)), column(std::move(taken.score))};
}

template <typename Real, typename Score>
void bind(nb::module_ &module) {
    module.def("nms", &nms<Real, Score>, "box"_a.noconvert(), "score"_a.noconvert(), "category"_a.none().noconvert(),
               "iou_threshold"_a, "limit"_a);
    module.def("soft_nms", &soft_nms<Real, Score>, "box"_a.noconvert(), "score"_a.noconvert(), "gaussian"_a,
               "iou_threshold"_a, "sigma"_a, "score_threshold"_a, "limit"_a);
}

}  // namespace

void bind_nms(nb::module_ &module) {
    bind<float, float>(module);
    bind<float, double>(module);
    bind<double, float>(module);
    bind<double, double>(module);
}

}  // namespace detbench::bindings
