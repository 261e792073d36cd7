#include "bootstrap.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace detbench {
namespace {

// The curve of one (category, bit), one row a found ground truth: cumulated weights, lane by lane.
struct Curve {
    std::vector<std::int32_t> found;    // [rows, lanes]
    std::vector<std::int32_t> counted;  // [rows, lanes] found and false alarms
    std::size_t rows = 0;
    std::vector<std::int32_t> found_within;  // [max_dets, lanes] found at a rank below each maxDets
};

void collect_curve(const ResampleInput &in, const std::uint8_t *weight, std::size_t category, std::size_t bit,
                   Curve &curve) {
    const auto begin = static_cast<std::size_t>(in.offsets[category]);
    const auto end = static_cast<std::size_t>(in.offsets[category + 1]);
    curve.found.resize((end - begin) * lanes);
    curve.counted.resize((end - begin) * lanes);
    curve.rows = 0;
    curve.found_within.assign(in.max_dets_count * lanes, 0);
    std::int32_t found[lanes] = {}, counted[lanes] = {};
    for (std::size_t p = begin; p < end; ++p) {
        if (in.not_counted[p] >> bit & 1) continue;
        const std::uint8_t *w = weight + static_cast<std::size_t>(in.image[p]) * lanes;
        for (std::size_t lane = 0; lane < lanes; ++lane) counted[lane] += w[lane];
        if (!(in.found[p] >> bit & 1)) continue;
        for (std::size_t lane = 0; lane < lanes; ++lane) found[lane] += w[lane];
        for (std::size_t m = 0; m < in.max_dets_count; ++m) {
            if (in.rank[p] >= in.max_dets[m]) continue;
            std::int32_t *within = curve.found_within.data() + m * lanes;
            for (std::size_t lane = 0; lane < lanes; ++lane) within[lane] += w[lane];
        }
        std::copy(found, found + lanes, curve.found.data() + curve.rows * lanes);
        std::copy(counted, counted + lanes, curve.counted.data() + curve.rows * lanes);
        ++curve.rows;
    }
}

void count_truth(const ResampleInput &in, const std::uint8_t *weight, std::size_t category, std::size_t bit,
                 std::int32_t *count) {
    std::fill(count, count + lanes, 0);
    for (auto g = in.truth_offsets[category]; g < in.truth_offsets[category + 1]; ++g) {
        if (in.truth_ignored[g] >> bit & 1) continue;
        const std::uint8_t *w = weight + static_cast<std::size_t>(in.truth_image[g]) * lanes;
        for (std::size_t lane = 0; lane < lanes; ++lane) count[lane] += w[lane];
    }
}

// Walks one lane's curve from its end with the running maximum of precision, and sums the maximum once for every
// recall level that the row is the first to reach. Precision only rises at a found ground truth, so rows suffice.
double sum_over_levels(const ResampleInput &in, const Curve &curve, std::size_t lane, double truths) {
    double best = 0, sum = 0;
    std::size_t level = in.level_count;
    for (std::size_t row = curve.rows; row-- > 0;) {
        const double found = curve.found[row * lanes + lane];
        const double recall = found / truths;
        while (level > 0 && in.levels[level - 1] > recall) {
            --level;
            sum += best;
        }
        const double counted = curve.counted[row * lanes + lane];
        if (found > 0) best = std::max(best, found / (counted + std::numeric_limits<double>::epsilon()));
    }
    return (sum + best * static_cast<double>(level)) / static_cast<double>(in.level_count);
}

// The area under the monotone curve: each found ground truth adds its step of recall times the best precision
// from there on (Pascal VOC 2010 and after).
double area_under(const Curve &curve, std::size_t lane, double truths) {
    double best = 0, sum = 0;
    for (std::size_t row = curve.rows; row-- > 0;) {
        const double found = curve.found[row * lanes + lane];
        const double before = row > 0 ? curve.found[(row - 1) * lanes + lane] : 0;
        const double counted = curve.counted[row * lanes + lane];
        if (counted > 0) best = std::max(best, found / counted);
        sum += (found - before) / truths * best;
    }
    return sum;
}

}  // namespace

void resample(const ResampleInput &in, const std::uint8_t *weight, double *average_precision, double *recall) {
    Curve curve;
    std::int32_t truths[lanes];
    constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t category = 0; category < in.category_count; ++category) {
        for (std::size_t bit = 0; bit < in.bit_count; ++bit) {
            count_truth(in, weight, category, bit, truths);
            collect_curve(in, weight, category, bit, curve);
            const std::size_t out = (category * in.bit_count + bit) * lanes;
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                const double n = truths[lane];
                average_precision[out + lane] = n == 0 ? undefined
                                                : in.interpolation == Interpolation::all_points
                                                    ? area_under(curve, lane, n)
                                                    : sum_over_levels(in, curve, lane, n);
                for (std::size_t m = 0; m < in.max_dets_count; ++m)
                    recall[out * in.max_dets_count + m * lanes + lane] =
                        n == 0 ? undefined : curve.found_within[m * lanes + lane] / n;
            }
        }
    }
}

}  // namespace detbench
