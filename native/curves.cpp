#include "curves.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "order.hpp"
#include "parallel.hpp"
#include "prefetch.hpp"
#include "summary.hpp"

namespace detbench {
namespace {

// Sorts by key, equal ones keeping their order: a radix sort, a byte at a time from the lowest. Bytes that all keys
// share (scores that were float32 end in zeros) are passed over.
void sort_by_key(UnfilledVector<Keyed> &rows, UnfilledVector<Keyed> &spare) {
    constexpr std::size_t bytes = 8, values = 256;
    std::array<std::array<std::uint32_t, values>, bytes> counts{};
    for (const Keyed &s : rows)
        for (std::size_t byte = 0; byte < bytes; ++byte) ++counts[byte][s.key >> (8 * byte) & 0xFF];
    spare.resize(rows.size());
    for (std::size_t byte = 0; byte < bytes; ++byte) {
        std::array<std::uint32_t, values> &place = counts[byte];
        if (std::find(place.begin(), place.end(), rows.size()) != place.end()) continue;
        std::uint32_t total = 0;
        for (std::uint32_t &count : place) total += std::exchange(count, total);
        for (const Keyed &s : rows) spare[place[s.key >> (8 * byte) & 0xFF]++] = s;
        rows.swap(spare);
    }
}

// What one walk through a category's predictions needs; kept from category to category to save allocations.
struct Walk {
    UnfilledVector<Keyed> order, spare;
    // For each bit, at each prediction that found something: how many predictions count up to and with it.
    std::vector<std::vector<std::uint32_t>> totals;
    std::vector<std::uint32_t> within;  // [bits, M] finds whose rank first fits each maxDets
    std::vector<double> precision, values;
    std::vector<std::size_t> first_of_101, first_of_11;  // for each recall level, the first find that reaches it
};

// How many predictions did not count yet, a bit at a time. Most that do not are out of a whole area range, so whole
// ranges are counted apart: one step instead of one for each threshold.
class NotCounted {
public:
    NotCounted(std::size_t thresholds, std::size_t areas) : thresholds_(thresholds), areas_(areas) {
        const Mask range = thresholds == 64 ? ~Mask{0} : (Mask{1} << thresholds) - 1;
        for (std::size_t area = 0; area < areas; ++area) range_[area] = range << (area * thresholds);
    }

    void add(Mask mask) {
        Mask rest = mask;
        for (std::size_t area = 0; area < areas_; ++area) {
            const bool whole = (mask & range_[area]) == range_[area];
            whole_[area] += whole;
            rest &= whole ? ~range_[area] : ~Mask{0};
        }
        for (; rest; rest &= rest - 1) ++single_[static_cast<std::size_t>(std::countr_zero(rest))];
    }

    std::uint32_t at(std::size_t bit) const { return whole_[bit / thresholds_] + single_[bit]; }

private:
    std::size_t thresholds_, areas_;
    std::array<Mask, 64> range_{};  // the bits of each area range
    std::array<std::uint32_t, 64> whole_{}, single_{};
};

void walk_category(const CurveInput &input, std::size_t category, Walk &walk) {
    const std::size_t bits = input.threshold_count * input.area_count, limits = input.max_dets_count;
    const std::size_t begin = input.offsets[category], count = input.offsets[category + 1] - begin;
    walk.order.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        walk.order[i] = {falling_key(input.score[begin + i]), static_cast<std::uint32_t>(begin + i)};
    sort_by_key(walk.order, walk.spare);
    walk.totals.resize(bits);
    for (auto &totals : walk.totals) totals.clear();
    walk.within.assign(bits * limits, 0);
    NotCounted skipped(input.threshold_count, input.area_count);
    for (std::uint32_t seen = 1; seen <= walk.order.size(); ++seen) {
        const Keyed &s = walk.order[seen - 1];
        if (seen + rows_ahead < walk.order.size()) {
            prefetch(input.not_counted + walk.order[seen + rows_ahead].row);
            prefetch(input.found + walk.order[seen + rows_ahead].row);
        }
        skipped.add(input.not_counted[s.row]);
        const Mask found = input.found[s.row] & ~input.not_counted[s.row];
        if (!found) continue;
        const std::int32_t *fits = std::upper_bound(input.max_dets, input.max_dets + limits, input.rank[s.row]);
        const auto first_fit = static_cast<std::size_t>(fits - input.max_dets);
        for (Mask rest = found; rest; rest &= rest - 1) {
            const auto bit = static_cast<std::size_t>(std::countr_zero(rest));
            walk.totals[bit].push_back(seen - skipped.at(bit));
            if (first_fit < limits) ++walk.within[bit * limits + first_fit];
        }
    }
}

// VOC 2007's levels are numpy.arange's, COCO's numpy.linspace's: both are multiples of the step, last bits included.
double level(std::size_t number, double step) { return static_cast<double>(number) * step; }

// For each level the first point (a find) of at least that recall; recall at point i is (i + 1) / count.
void first_points(double count, std::size_t levels, double step, std::vector<std::size_t> &first) {
    first.resize(levels);
    std::size_t point = 0;
    for (std::size_t r = 0; r < levels; ++r) {
        while (static_cast<double>(point + 1) / count < level(r, step)) ++point;
        first[r] = point;
    }
}

// The best precision of the points from `first` on, 0 where there are none.
double best_from(const std::vector<double> &best, std::size_t first) { return first < best.size() ? best[first] : 0; }

// VOC's all-point average precision: the area under the curve that never rises.
double area_under_curve(const std::vector<double> &best, double count, std::vector<double> &parts) {
    parts.clear();
    double recall = 0;
    for (std::size_t point = 0; point < best.size(); ++point) {
        const double next = static_cast<double>(point + 1) / count;
        parts.push_back((next - recall) * best[point]);
        recall = next;
    }
    if (recall != 1.0) parts.push_back(0.0);  // from the last point to recall 1: part of numpy's pairwise sum
    return pairwise_sum(parts.data(), parts.size());
}

// Precision at each find, then the best from there on. COCO adds the spacing of 1 to the denominator.
void best_precision(const std::vector<std::uint32_t> &totals, bool spaced, std::vector<double> &best) {
    best.resize(totals.size());
    const double spacing = spaced ? std::numeric_limits<double>::epsilon() : 0.0;
    double greatest = 0;
    for (std::size_t point = totals.size(); point-- > 0;) {
        const double precision = static_cast<double>(point + 1) / (static_cast<double>(totals[point]) + spacing);
        greatest = std::max(greatest, precision);
        best[point] = greatest;
    }
}

double average_of(const CurveInput &input, double count, Walk &walk) {
    if (input.interpolation == Interpolation::all_points) return area_under_curve(walk.precision, count, walk.values);
    const auto &first = input.interpolation == Interpolation::points_11 ? walk.first_of_11 : walk.first_of_101;
    walk.values.clear();
    for (const std::size_t point : first) walk.values.push_back(best_from(walk.precision, point));
    return *mean(walk.values);
}

void write_curve(const CurveInput &input, const Curves &curves, std::size_t threshold, std::size_t category,
                 std::size_t area, double count, Walk &walk) {
    const std::size_t categories = input.category_count, areas = input.area_count, limits = input.max_dets_count;
    const std::size_t bit = area * input.threshold_count + threshold;
    const std::size_t here = (threshold * categories + category) * areas + area;
    best_precision(walk.totals[bit], input.interpolation == Interpolation::points_101, walk.precision);
    for (std::size_t r = 0; r < drawn_levels; ++r)
        curves.precision[((threshold * drawn_levels + r) * categories + category) * areas + area] =
            best_from(walk.precision, walk.first_of_101[r]);
    curves.average_precision[here] = average_of(input, count, walk);
    std::uint32_t found = 0;
    for (std::size_t m = 0; m < limits; ++m) {
        found += walk.within[bit * limits + m];
        curves.recall[here * limits + m] = found / count;
    }
}

void write_undefined(const CurveInput &input, const Curves &curves, std::size_t threshold, std::size_t category,
                     std::size_t area) {
    constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
    const std::size_t categories = input.category_count, areas = input.area_count;
    const std::size_t here = (threshold * categories + category) * areas + area;
    for (std::size_t r = 0; r < drawn_levels; ++r)
        curves.precision[((threshold * drawn_levels + r) * categories + category) * areas + area] = undefined;
    curves.average_precision[here] = undefined;
    std::fill_n(curves.recall + here * input.max_dets_count, input.max_dets_count, undefined);
}

// Ground truths of the category that must be found in an area range; whether one must does not depend on the threshold.
std::int64_t count_truth(const CurveInput &input, std::size_t category, std::size_t area) {
    const Mask *begin = input.truth_ignored + input.truth_offsets[category];
    const Mask *end = input.truth_ignored + input.truth_offsets[category + 1];
    const std::size_t bit = area * input.threshold_count;
    return std::count_if(begin, end, [bit](Mask ignored) { return (ignored >> bit & 1) == 0; });
}

void write_area(const CurveInput &input, const Curves &curves, std::size_t category, std::size_t area, Walk &walk) {
    const std::int64_t truths = count_truth(input, category, area);
    curves.truth_count[category * input.area_count + area] = truths;
    const auto count = static_cast<double>(truths);
    if (truths) {
        first_points(count, drawn_levels, 0.01, walk.first_of_101);
        first_points(count, 11, 0.1, walk.first_of_11);
    }
    for (std::size_t t = 0; t < input.threshold_count; ++t)
        if (truths) write_curve(input, curves, t, category, area, count, walk);
        else write_undefined(input, curves, t, category, area);
}

}  // namespace

void accumulate(const CurveInput &input, const Curves &curves, std::size_t threads) {
    share(threads, input.category_count, [&](Pieces &pieces) {
        Walk walk;
        while (const auto category = pieces.next()) {
            walk_category(input, *category, walk);
            for (std::size_t area = 0; area < input.area_count; ++area)
                write_area(input, curves, *category, area, walk);
        }
    });
}

}  // namespace detbench
