#include "join.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "parallel.hpp"

namespace detbench {
namespace {

// A table from id to place may have this many entries whatever the number of ids (COCO's 5,000 images have ids up to
// 581,929), or this many an id; beyond, places are found by bisection.
constexpr std::uint64_t table_entries = std::uint64_t{1} << 20, table_entries_per_id = 8;

constexpr std::size_t rows_per_piece = std::size_t{1} << 16;

// Replaces a column of ids by one of places. False at an id that is not there.
bool place_all(UnfilledVector<std::int64_t> &ids, const IdIndex &index, std::size_t threads,
               UnfilledVector<std::int32_t> &places) {
    const UnfilledVector<std::int64_t> column = std::exchange(ids, {});
    places.resize(column.size());
    std::atomic<bool> known{true};
    share(threads, (column.size() + rows_per_piece - 1) / rows_per_piece, [&](Pieces &pieces) {
        while (const auto piece = pieces.next()) {
            const std::size_t end = std::min(column.size(), (*piece + 1) * rows_per_piece);
            for (std::size_t r = *piece * rows_per_piece; r < end; ++r) {
                // Rows of one image stand together: the last answer is often the next one.
                const bool same = r > *piece * rows_per_piece && column[r] == column[r - 1];
                places[r] = same ? places[r - 1] : index.place(column[r]);
                if (places[r] < 0) {
                    known = false;
                    pieces.abandon();
                    return;
                }
            }
        }
    });
    return known;
}

}  // namespace

IdIndex::IdIndex(const UnfilledVector<std::int64_t> &ids) : order_(ids.size()) {
    std::iota(order_.begin(), order_.end(), 0);
    const auto id_of = [&](std::int32_t row) { return ids[static_cast<std::size_t>(row)]; };
    std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) { return id_of(a) < id_of(b); });
    for (const std::int32_t row : order_) ascending_.push_back(id_of(row));
    if (ids.empty()) return;
    const std::uint64_t span =
        static_cast<std::uint64_t>(ascending_.back()) - static_cast<std::uint64_t>(ascending_.front());
    if (span >= std::max(table_entries, table_entries_per_id * ids.size())) return;
    table_.assign(span + 1, -1);
    for (std::size_t place = 0; place < ascending_.size(); ++place)
        table_[static_cast<std::size_t>(ascending_[place] - ascending_[0])] = static_cast<std::int32_t>(place);
}

std::int32_t IdIndex::place(std::int64_t id) const {
    if (ascending_.empty() || id < ascending_.front() || id > ascending_.back()) return -1;
    if (!table_.empty()) return table_[static_cast<std::size_t>(id - ascending_.front())];
    const auto found = std::lower_bound(ascending_.begin(), ascending_.end(), id);
    return *found == id ? static_cast<std::int32_t>(found - ascending_.begin()) : -1;
}

bool join(GroundTruthFile &truth, PredictionFile &predictions, std::size_t threads, Joined &joined) {
    const IdIndex images(truth.image_id), categories(truth.category_id);
    joined.image_row = images.order();
    joined.category_row = categories.order();
    return place_all(truth.of_image, images, threads, joined.truth_image) &&
           place_all(truth.of_category, categories, threads, joined.truth_category) &&
           place_all(predictions.image_id, images, threads, joined.image) &&
           place_all(predictions.category_id, categories, threads, joined.category);
}

}  // namespace detbench
