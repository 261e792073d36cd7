// Bindings of the scanner, with NumPy arrays over its columns.
#include "scan/scan.hpp"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>

#include <array>
#include <filesystem>
#include <utility>

#include "bindings.hpp"
#include "handover.hpp"

using namespace nanobind::literals;

namespace detbench::bindings {
namespace {

template <class T>
nb::object array_of(UnfilledVector<T> &&column) {
    const std::array shape{column.size()};
    return owned<T>(std::move(column), shape);
}

nb::object boxes_of(UnfilledVector<double> &&column) {
    const std::array shape{column.size() / 4, std::size_t{4}};
    return owned<double>(std::move(column), shape);
}

nb::list list_of(const Strings &strings) {
    nb::list list;
    std::size_t begin = 0;
    for (const std::uint32_t end : strings.ends) {
        list.append(nb::str(strings.text.data() + begin, end - begin));
        begin = end;
    }
    return list;
}

nb::dict dict_of(PredictionFile &&file) {
    nb::dict columns;
    columns["image_id"] = array_of(std::move(file.image_id));
    columns["category_id"] = array_of(std::move(file.category_id));
    columns["xywh"] = boxes_of(std::move(file.xywh));
    columns["score"] = array_of(std::move(file.score));
    columns["bytes"] = file.bytes;
    return columns;
}

nb::dict dict_of(GroundTruthFile &&file) {
    nb::dict columns;
    columns["image_id"] = array_of(std::move(file.image_id));
    columns["width_px"] = array_of(std::move(file.width_px));
    columns["height_px"] = array_of(std::move(file.height_px));
    columns["file_name"] = list_of(file.file_name);
    columns["category_id"] = array_of(std::move(file.category_id));
    columns["category_name"] = list_of(file.category_name);
    columns["annotation_id"] = array_of(std::move(file.annotation_id));
    columns["of_image"] = array_of(std::move(file.of_image));
    columns["of_category"] = array_of(std::move(file.of_category));
    columns["xywh"] = boxes_of(std::move(file.xywh));
    columns["area"] = array_of(std::move(file.area));
    columns["crowd"] = array_of(std::move(file.crowd));
    columns["ignore"] = array_of(std::move(file.ignore));
    columns["difficult"] = array_of(std::move(file.difficult));
    columns["truncated"] = array_of(std::move(file.truncated));
    columns["occluded"] = array_of(std::move(file.occluded));
    columns["bytes"] = file.bytes;
    return columns;
}

template <auto scan>
std::optional<nb::dict> scan_file(const std::filesystem::path &path, unsigned threads, std::size_t piece_bytes) {
    auto file = [&] {
        nb::gil_scoped_release release;
        return scan(path.string().c_str(), threads, piece_bytes);
    }();
    if (!file) return std::nullopt;
    return dict_of(std::move(*file));
}

std::optional<nb::dict> next_block(PredictionStream &stream) {
    PredictionFile block;
    const bool found = [&] {
        nb::gil_scoped_release release;
        return stream.next(block);
    }();
    if (!found) return std::nullopt;
    return dict_of(std::move(block));
}

void make_stream(PredictionStream *self, const std::filesystem::path &path, std::size_t piece_bytes) {
    new (self) PredictionStream(path.string().c_str(), piece_bytes);
}

}  // namespace

void bind_scan(nb::module_ &module) {
    module.def("scan_predictions", &scan_file<&scan_predictions>, "path"_a, "threads"_a,
               "piece_bytes"_a = default_piece_bytes);
    module.def("scan_ground_truth", &scan_file<&scan_ground_truth>, "path"_a, "threads"_a,
               "piece_bytes"_a = default_piece_bytes);
    nb::class_<PredictionStream>(module, "PredictionStream")
        .def("__init__", &make_stream, "path"_a, "piece_bytes"_a = default_piece_bytes)
        .def("next", &next_block)
        .def_prop_ro("unusual", &PredictionStream::unusual);
}

}  // namespace detbench::bindings
