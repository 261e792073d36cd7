#include "bootstrap.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace detbench {
namespace {

constexpr std::size_t max_bits = 64;

template <typename T>
using Lanes = std::array<T, lanes>;

// A prediction that matters to one bit: it found a ground truth, or it counts and in the bit's base does not (+1), or
// the other way round (−1).
struct Event {
    std::uint32_t row;
    bool found;
    std::int8_t change;
};

// One category's predictions, ordered for all bits at once. Bits in which nearly the same predictions count (the
// thresholds of one area range) have a base in common: a bit of which the counted weights are cumulated, row by row;
// the others differ from it at their events only.
struct Walk {
    std::array<std::vector<Event>, max_bits> events;
    std::array<std::size_t, max_bits> base;
    std::vector<Lanes<std::int32_t>> counted;  // [rows] cumulated up to and with each row, in the latest base
};

// The curve of one bit, one row a found ground truth: cumulated weights.
struct Curve {
    std::vector<Lanes<std::int32_t>> found;
    std::vector<Lanes<std::int32_t>> counted;      // found and false alarms
    std::vector<Lanes<std::int32_t>> found_within; // [max_dets] found at a rank below each
};

void add(Lanes<std::int32_t> &sum, const std::uint8_t *weight) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sum[lane] += weight[lane];
}

const std::uint8_t *of_image(const std::uint8_t *weight, std::int32_t image) {
    return weight + static_cast<std::size_t>(image) * lanes;
}

Mask low_bits(std::size_t count) { return count == max_bits ? ~Mask{0} : (Mask{1} << count) - 1; }

// A bit begins a base of its own where more than one in this many predictions count in it and not in the bit before.
constexpr std::size_t rare = 8;

void find_bases(const Mask *not_counted, std::size_t rows, std::size_t bit_count, Walk &walk) {
    std::array<std::size_t, max_bits> differing{};
    for (std::size_t row = 0; row < rows; ++row)
        for (Mask bits = (not_counted[row] ^ (not_counted[row] << 1)) & low_bits(bit_count) & ~Mask{1}; bits;
             bits &= bits - 1)
            ++differing[static_cast<std::size_t>(std::countr_zero(bits))];
    for (std::size_t bit = 0; bit < bit_count; ++bit)
        walk.base[bit] = bit > 0 && differing[bit] * rare <= rows ? walk.base[bit - 1] : bit;
}

void find_events(const Mask *found, const Mask *not_counted, std::size_t rows, std::size_t bit_count, Walk &walk) {
    find_bases(not_counted, rows, bit_count, walk);
    for (std::size_t bit = 0; bit < bit_count; ++bit) walk.events[bit].clear();
    for (std::size_t row = 0; row < rows; ++row) {
        const Mask right = found[row] & ~not_counted[row];
        Mask like_base = 0;
        for (std::size_t bit = 0, end; bit < bit_count; bit = end) {
            for (end = bit + 1; end < bit_count && walk.base[end] == bit;) ++end;
            if (not_counted[row] >> bit & 1) like_base |= low_bits(end) & ~low_bits(bit);
        }
        const Mask changed = (not_counted[row] ^ like_base) & low_bits(bit_count);
        for (Mask bits = (right & low_bits(bit_count)) | changed; bits; bits &= bits - 1) {
            const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
            const int change = changed >> bit & 1 ? (not_counted[row] >> bit & 1 ? -1 : 1) : 0;
            walk.events[bit].push_back(
                {static_cast<std::uint32_t>(row), (right >> bit & 1) != 0, static_cast<std::int8_t>(change)});
        }
    }
}

void cumulate(const ResampleInput &in, const std::uint8_t *weight, std::size_t begin, std::size_t rows, std::size_t bit,
              Walk &walk) {
    walk.counted.resize(rows);
    Lanes<std::int32_t> counted{};
    for (std::size_t row = 0; row < rows; ++row) {
        if (!(in.not_counted[begin + row] >> bit & 1)) add(counted, of_image(weight, in.image[begin + row]));
        walk.counted[row] = counted;
    }
}

void draw_curve(const ResampleInput &in, const std::uint8_t *weight, std::size_t begin, const std::vector<Event> &events,
                const std::vector<Lanes<std::int32_t>> &base, Curve &curve) {
    curve.found.clear();
    curve.counted.clear();
    curve.found_within.assign(in.max_dets_count, {});
    Lanes<std::int32_t> found{}, change{};
    for (const Event &event : events) {
        const std::uint8_t *w = of_image(weight, in.image[begin + event.row]);
        if (event.change != 0)
            for (std::size_t lane = 0; lane < lanes; ++lane) change[lane] += event.change * w[lane];
        if (!event.found) continue;
        add(found, w);
        for (std::size_t m = 0; m < in.max_dets_count; ++m)
            if (in.rank[begin + event.row] < in.max_dets[m]) add(curve.found_within[m], w);
        Lanes<std::int32_t> counted = base[event.row];
        for (std::size_t lane = 0; lane < lanes; ++lane) counted[lane] += change[lane];
        curve.found.push_back(found);
        curve.counted.push_back(counted);
    }
}

Lanes<std::int32_t> count_truth(const ResampleInput &in, const std::uint8_t *weight, std::size_t category,
                                std::size_t bit) {
    Lanes<std::int32_t> count{};
    for (auto g = in.truth_offsets[category]; g < in.truth_offsets[category + 1]; ++g)
        if (!(in.truth_ignored[g] >> bit & 1)) add(count, of_image(weight, in.truth_image[g]));
    return count;
}

// The bits whose ground truths to be found are not those of the bit before.
Mask other_truths(const ResampleInput &in, std::size_t category) {
    Mask bits = 1;
    for (auto g = in.truth_offsets[category]; g < in.truth_offsets[category + 1]; ++g)
        bits |= in.truth_ignored[g] ^ (in.truth_ignored[g] << 1);
    return bits;
}

// How many ground truths must be found for a recall of at least `level`: comparing counts is comparing recalls.
std::int32_t needed(double level, double truths) {
    auto count = static_cast<std::int32_t>(std::ceil(level * truths));
    while (count > 0 && (count - 1) / truths >= level) --count;
    while (count / truths < level) ++count;
    return count;
}

// Walks every lane's curve from its end with the running maximum of precision, and sums the maximum once for every
// recall level that the row is the first to reach. Precision only rises at a found ground truth, so rows suffice.
void sum_over_levels(const ResampleInput &in, const Curve &curve, const std::vector<Lanes<std::int32_t>> &needed_counts,
                     double *average) {
    Lanes<double> best{}, sum{};
    Lanes<std::size_t> level;
    level.fill(in.level_count);
    for (std::size_t row = curve.found.size(); row-- > 0;) {
        const Lanes<std::int32_t> &found = curve.found[row], &counted = curve.counted[row];
        for (std::size_t lane = 0; lane < lanes; ++lane)
            while (level[lane] > 0 && needed_counts[level[lane] - 1][lane] > found[lane]) {
                --level[lane];
                sum[lane] += best[lane];
            }
        for (std::size_t lane = 0; lane < lanes; ++lane)
            best[lane] = std::max(best[lane], found[lane] / (counted[lane] + std::numeric_limits<double>::epsilon()));
    }
    for (std::size_t lane = 0; lane < lanes; ++lane)
        average[lane] = (sum[lane] + best[lane] * static_cast<double>(level[lane])) / static_cast<double>(in.level_count);
}

// The area under the monotone curve: each found ground truth adds its step of recall times the best precision
// from there on (Pascal VOC 2010 and after).
void area_under(const Curve &curve, const Lanes<std::int32_t> &truths, double *average) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        double best = 0, sum = 0;
        for (std::size_t row = curve.found.size(); row-- > 0;) {
            const double found = curve.found[row][lane];
            const double before = row > 0 ? curve.found[row - 1][lane] : 0;
            const double counted = curve.counted[row][lane];
            if (counted > 0) best = std::max(best, found / counted);
            sum += (found - before) / truths[lane] * best;
        }
        average[lane] = sum;
    }
}

}  // namespace

void resample(const ResampleInput &in, const std::uint8_t *weight, double *average_precision, double *recall) {
    constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
    Walk walk;
    Curve curve;
    Lanes<std::int32_t> truths{};
    std::vector<Lanes<std::int32_t>> needed_counts(in.level_count);
    for (std::size_t category = 0; category < in.category_count; ++category) {
        const auto begin = static_cast<std::size_t>(in.offsets[category]);
        const auto rows = static_cast<std::size_t>(in.offsets[category + 1]) - begin;
        find_events(in.found + begin, in.not_counted + begin, rows, in.bit_count, walk);
        const Mask others = other_truths(in, category);
        for (std::size_t bit = 0; bit < in.bit_count; ++bit) {
            if (others >> bit & 1) {
                truths = count_truth(in, weight, category, bit);
                for (std::size_t level = 0; level < in.level_count; ++level)
                    for (std::size_t lane = 0; lane < lanes; ++lane)
                        needed_counts[level][lane] = truths[lane] ? needed(in.levels[level], truths[lane]) : 0;
            }
            if (walk.base[bit] == bit) cumulate(in, weight, begin, rows, bit, walk);
            draw_curve(in, weight, begin, walk.events[bit], walk.counted, curve);
            const std::size_t out = (category * in.bit_count + bit) * lanes;
            if (in.interpolation == Interpolation::all_points) area_under(curve, truths, average_precision + out);
            else sum_over_levels(in, curve, needed_counts, average_precision + out);
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                if (truths[lane] == 0) average_precision[out + lane] = undefined;
                for (std::size_t m = 0; m < in.max_dets_count; ++m)
                    recall[out * in.max_dets_count + m * lanes + lane] =
                        truths[lane] ? curve.found_within[m][lane] / static_cast<double>(truths[lane]) : undefined;
            }
        }
    }
}

}  // namespace detbench
