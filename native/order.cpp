#include "order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "parallel.hpp"
#include "prefetch.hpp"

namespace detbench {
namespace {

// Turns counts of each key into the place where the key's first row goes; the last entry is the total.
void to_offsets(std::vector<std::size_t> &counts) {
    std::size_t total = 0;
    for (std::size_t &count : counts) total += std::exchange(count, total);
}

// Sorts a group's rows by falling score. Detectors write them so, or nearly; large groups that are not are rare.
void sort_group(std::uint32_t *row, std::size_t count, const double *score, std::vector<Keyed> &scratch) {
    scratch.clear();
    bool sorted = true;
    for (std::size_t i = 0; i < count; ++i) {
        scratch.push_back({falling_key(score[row[i]]), row[i]});
        sorted &= i == 0 || scratch[i - 1].key <= scratch[i].key;
    }
    if (sorted) return;
    std::stable_sort(scratch.begin(), scratch.end(), [](const Keyed &a, const Keyed &b) { return a.key < b.key; });
    for (std::size_t i = 0; i < count; ++i) row[i] = scratch[i].row;
}

// Calls `visit(begin, end)` for the rows of each image in a category.
template <typename Visit>
void each_image(const Ordered &rows, std::size_t category, const Visit &visit) {
    const std::size_t last = rows.offsets[category + 1];
    for (std::size_t begin = rows.offsets[category], end = begin; begin < last; begin = end) {
        while (end < last && rows.image[end] == rows.image[begin]) ++end;
        visit(begin, end);
    }
}

// Rows of one category are read in the order of images; their scores stand in the order of the file.
void prefetch_scores(const UnfilledVector<std::uint32_t> &row, std::size_t from, std::size_t count,
                     const double *score) {
    for (std::size_t i = from; i < std::min(from + count, row.size()); ++i) prefetch(score + row[i]);
}

// What a category keeps of its predictions.
struct Kept {
    std::vector<std::size_t> rows, groups;  // [categories + 1] offsets
};

Kept sort_and_count(Ordered &all, const double *score, std::size_t limit, std::size_t threads) {
    const std::size_t categories = all.offsets.size() - 1;
    Kept kept{std::vector<std::size_t>(categories + 1), std::vector<std::size_t>(categories + 1)};
    share(threads, categories, [&](Pieces &pieces) {
        std::vector<Keyed> scratch;
        while (const auto category = pieces.next())
            each_image(all, *category, [&](std::size_t begin, std::size_t end) {
                prefetch_scores(all.row, begin + rows_ahead, end - begin, score);
                sort_group(all.row.data() + begin, end - begin, score, scratch);
                kept.rows[*category] += std::min(end - begin, limit);
                ++kept.groups[*category];
            });
    });
    to_offsets(kept.rows);
    to_offsets(kept.groups);
    return kept;
}

// Writes one category's part of the task: its rows, scores and ranks, and its groups.
void fill_category(Task &task, const Ordered &truth, const Ordered &all, const Kept &kept, std::size_t category,
                   const double *score, std::size_t limit) {
    std::size_t out = kept.rows[category], group = kept.groups[category];
    std::size_t truth_row = truth.offsets[category];
    const std::size_t truth_end = truth.offsets[category + 1];
    each_image(all, category, [&](std::size_t begin, std::size_t end) {
        prefetch_scores(all.row, begin + rows_ahead, end - begin, score);
        const std::int32_t image = all.image[begin];
        while (truth_row < truth_end && truth.image[truth_row] < image) ++truth_row;
        const std::size_t first_truth = truth_row, first = out;
        while (truth_row < truth_end && truth.image[truth_row] == image) ++truth_row;
        for (std::size_t i = begin; i < begin + std::min(end - begin, limit); ++i, ++out) {
            task.row[out] = all.row[i];
            task.score[out] = score[all.row[i]];
            task.rank[out] = static_cast<std::int32_t>(i - begin);
        }
        task.groups[group++] = {first_truth, truth_row, first, out};
    });
}

}  // namespace

UnfilledVector<std::uint32_t> stable_order(const std::int32_t *key, std::size_t count, std::size_t keys) {
    UnfilledVector<std::uint32_t> order(count);
    if (std::is_sorted(key, key + count)) {
        std::iota(order.begin(), order.end(), 0U);
        return order;
    }
    std::vector<std::size_t> place(keys);
    for (std::size_t r = 0; r < count; ++r) ++place[static_cast<std::size_t>(key[r])];
    to_offsets(place);
    for (std::size_t r = 0; r < count; ++r)
        order[place[static_cast<std::size_t>(key[r])]++] = static_cast<std::uint32_t>(r);
    return order;
}

Ordered by_category_and_image(const Placed &rows, const Sizes &sizes) {
    const UnfilledVector<std::uint32_t> order = stable_order(rows.image, rows.count, sizes.images);
    Ordered result{{}, {}, std::vector<std::size_t>(sizes.categories + 1)};
    for (std::size_t r = 0; r < rows.count; ++r)
        if (rows.category[r] >= 0) ++result.offsets[static_cast<std::size_t>(rows.category[r])];
    to_offsets(result.offsets);
    result.row.resize(result.offsets.back());
    result.image.resize(result.offsets.back());
    std::vector<std::size_t> place = result.offsets;
    for (const std::uint32_t r : order) {
        if (rows.category[r] < 0) continue;
        const std::size_t next = place[static_cast<std::size_t>(rows.category[r])]++;
        result.row[next] = r;
        result.image[next] = rows.image[r];
    }
    return result;
}

Task order_task(const Placed &truth_rows, const Placed &prediction_rows, const double *score, const Sizes &sizes,
                std::size_t limit, std::size_t threads) {
    Ordered truth = by_category_and_image(truth_rows, sizes), all = by_category_and_image(prediction_rows, sizes);
    const Kept kept = sort_and_count(all, score, limit, threads);
    Task task;
    task.row.resize(kept.rows.back());
    task.score.resize(kept.rows.back());
    task.rank.resize(kept.rows.back());
    task.groups.resize(kept.groups.back());
    share(threads, sizes.categories, [&](Pieces &pieces) {
        while (const auto category = pieces.next()) fill_category(task, truth, all, kept, *category, score, limit);
    });
    task.truth_row = std::move(truth.row);
    task.truth_offsets = std::move(truth.offsets);
    task.offsets = kept.rows;
    return task;
}

}  // namespace detbench
