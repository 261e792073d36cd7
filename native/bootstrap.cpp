#include "bootstrap.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace detbench {
namespace {

constexpr std::size_t max_bits = 64;

// A bit begins a base of its own where more than one in this many predictions count in it and not in the bit before.
constexpr std::size_t rare = 8;

// So many weights of 255 fit into 16 bits.
constexpr std::size_t flush_after = 257;

Mask low_bits(std::size_t count) { return count == max_bits ? ~Mask{0} : (Mask{1} << count) - 1; }

inline const std::uint8_t *of_image(const std::uint8_t *weight, std::int32_t image) {
    return weight + static_cast<std::size_t>(image) * lanes;
}

// Adds the weights of `count` images to `sum`.
void add_weights(const std::uint8_t *weight, const std::int32_t *image, std::size_t count,
                               std::int32_t *sum) {
    while (count > 0) {
        const std::size_t part = std::min(count, flush_after);
        std::uint16_t partial[lanes] = {};
        for (std::size_t i = 0; i < part; ++i) {
            const std::uint8_t *w = of_image(weight, image[i]);
            for (std::size_t lane = 0; lane < lanes; ++lane) partial[lane] = static_cast<std::uint16_t>(partial[lane] + w[lane]);
        }
        for (std::size_t lane = 0; lane < lanes; ++lane) sum[lane] += partial[lane];
        image += part;
        count -= part;
    }
}

}  // namespace

// ---------------------------------------------------------------------------------------------------- what is walked

// Writes down one category after the other.
class Resampler::Builder {
  public:
    Builder(const ResampleInput &input, Resampler &out) : in_(input), out_(out), of_bit_(input.bit_count) {}

    void category(std::size_t category) {
        begin_ = static_cast<std::size_t>(in_.offsets[category]);
        rows_ = static_cast<std::size_t>(in_.offsets[category + 1]) - begin_;
        find_bases();
        const Mask other_truths = this->other_truths(category);
        const std::size_t first_curve = out_.curves_.size();
        out_.curves_.resize(first_curve + in_.bit_count);
        Curve *const curves = out_.curves_.data() + first_curve;
        for (const Base &base : bases_) {
            curves[base.bit].new_base = true;
            curves[base.bit].base = stops(base);
            events(base);
        }
        for (std::size_t bit = 0; bit < in_.bit_count; ++bit) {
            curves[bit].new_truths = other_truths >> bit & 1;
            if (curves[bit].new_truths) curves[bit].truths = truths(category, bit);
            append(of_bit_[bit], curves[bit]);
        }
    }

  private:
    // Bits in which nearly the same predictions count: the thresholds of one area range. The counted weights are
    // cumulated in the first of them; the others differ from it by their changes only.
    struct Base {
        std::size_t bit;
        Mask bits;
    };
    struct OfBit {
        std::vector<Find> finds;
        std::vector<std::size_t> rows;  // of the finds
        std::vector<Change> changes;
    };

    void find_bases() {
        std::array<std::size_t, max_bits> differing{};
        const Mask all = low_bits(in_.bit_count);
        for (std::size_t row = begin_; row < begin_ + rows_; ++row)
            for (Mask bits = (in_.not_counted[row] ^ (in_.not_counted[row] << 1)) & all & ~Mask{1}; bits;
                 bits &= bits - 1)
                ++differing[static_cast<std::size_t>(std::countr_zero(bits))];
        bases_.clear();
        for (std::size_t bit = 0; bit < in_.bit_count; ++bit) {
            if (bit == 0 || differing[bit] * rare > rows_) bases_.push_back({bit, 0});
            bases_.back().bits |= Mask{1} << bit;
        }
    }

    // The bits whose ground truths to be found are not those of the bit before.
    Mask other_truths(std::size_t category) const {
        Mask bits = 1;
        for (auto g = in_.truth_offsets[category]; g < in_.truth_offsets[category + 1]; ++g)
            bits |= in_.truth_ignored[g] ^ (in_.truth_ignored[g] << 1);
        return bits;
    }

    Span truths(std::size_t category, std::size_t bit) {
        const std::size_t first = out_.truth_images_.size();
        for (auto g = in_.truth_offsets[category]; g < in_.truth_offsets[category + 1]; ++g)
            if (!(in_.truth_ignored[g] >> bit & 1)) out_.truth_images_.push_back(in_.truth_image[g]);
        return {first, out_.truth_images_.size()};
    }

    // The cumulated weights of a base are asked for where one of its bits finds something, and nowhere else.
    Span stops(const Base &base) {
        const std::size_t first = out_.stop_ends_.size();
        for (std::size_t row = begin_; row < begin_ + rows_; ++row) {
            if (!(in_.not_counted[row] >> base.bit & 1)) out_.base_images_.push_back(in_.image[row]);
            if (in_.found[row] & ~in_.not_counted[row] & base.bits) out_.stop_ends_.push_back(out_.base_images_.size());
        }
        out_.base_images_.resize(out_.stop_ends_.empty() ? 0 : out_.stop_ends_.back());
        return {first, out_.stop_ends_.size()};
    }

    void events(const Base &base) {
        std::uint32_t stop = 0;
        for (std::size_t row = begin_; row < begin_ + rows_; ++row) {
            const Mask not_counted = in_.not_counted[row];
            const Mask finds = in_.found[row] & ~not_counted & base.bits;
            const Mask changes = (not_counted ^ (not_counted >> base.bit & 1 ? ~Mask{0} : 0)) & base.bits;
            for (Mask bits = finds | changes; bits; bits &= bits - 1) {
                const int bit = std::countr_zero(bits);
                OfBit &of = of_bit_[static_cast<std::size_t>(bit)];
                if (changes >> bit & 1)
                    of.changes.push_back({static_cast<std::uint32_t>(of.finds.size()), in_.image[row],
                                          not_counted >> bit & 1 ? -1 : 1});
                if (finds >> bit & 1) {
                    of.finds.push_back({stop, in_.image[row]});
                    of.rows.push_back(row);
                }
            }
            stop += finds != 0;
        }
    }

    void append(OfBit &of, Curve &curve) {
        curve.finds = append(of.finds, out_.finds_);
        curve.changes = append(of.changes, out_.changes_);
        for (std::size_t m = 0; m < in_.max_dets_count; ++m) {
            const std::int32_t least = m ? in_.max_dets[m - 1] : std::numeric_limits<std::int32_t>::min();
            for (const std::size_t row : of.rows)
                if (least <= in_.rank[row] && in_.rank[row] < in_.max_dets[m])
                    out_.find_images_.push_back(in_.image[row]);
            out_.within_ends_.push_back(out_.find_images_.size());
        }
        of.rows.clear();
    }

    template <typename T>
    static Span append(std::vector<T> &from, std::vector<T> &to) {
        const std::size_t first = to.size();
        to.insert(to.end(), from.begin(), from.end());
        from.clear();
        return {first, to.size()};
    }

    const ResampleInput &in_;
    Resampler &out_;
    std::vector<OfBit> of_bit_;
    std::vector<Base> bases_;
    std::size_t begin_ = 0, rows_ = 0;
};

Resampler::Resampler(const ResampleInput &input)
    : category_count_(input.category_count), bit_count_(input.bit_count), max_dets_count_(input.max_dets_count),
      interpolation_(input.interpolation), levels_(input.levels, input.levels + input.level_count) {
    for (std::size_t level = levels_.size(); level-- > 0;)
        if (static_cast<double>(level) / static_cast<double>(levels_.size() - 1) < levels_[level])
            missed_levels_.push_back(static_cast<std::int64_t>(level));
    Builder builder(input, *this);
    for (std::size_t category = 0; category < category_count_; ++category) builder.category(category);
}

// ------------------------------------------------------------------------------------------------- how it is weighted

// How many levels of recall a count of found ground truths reaches, in each lane: the whole part of count · scale +
// offset, and one less where the count lies on a level to the last digit and the level, rounded up, is missed. Under
// the whole curve every ground truth is a level.
struct Resampler::Levels {
    Lanes<std::int32_t> truths;
    Lanes<double> scale;
    double offset, most;
    std::array<std::vector<std::int32_t>, lanes> missed;  // counts that lie on a missed level, falling, then -1
};

void Resampler::set_levels(const std::uint8_t *weight, Span images, Levels &levels) const {
    levels.truths = {};
    add_weights(weight, truth_images_.data() + images.begin, images.end - images.begin, levels.truths.data());
    const auto steps = static_cast<std::int64_t>(levels_.size()) - 1;
    const bool whole_curve = interpolation_ == Interpolation::all_points;
    // A count that is on no level is 1 / truths away from it, or more; the product's error is 1e-13 at most.
    levels.offset = whole_curve ? 0.5 : 1 + 1e-10;
    levels.most = whole_curve ? std::numeric_limits<std::int32_t>::max() : static_cast<double>(levels_.size());
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::int32_t truths = levels.truths[lane];
        levels.scale[lane] = whole_curve || truths == 0 ? 1.0 : static_cast<double>(steps) / truths;
        levels.missed[lane].clear();
        for (const std::int64_t level : missed_levels_)
            if (level * truths % steps == 0) levels.missed[lane].push_back(static_cast<std::int32_t>(level * truths / steps));
        levels.missed[lane].push_back(-1);
    }
}

// Cumulates the weights of a base, and keeps them where they are asked for.
void Resampler::cumulate(const std::uint8_t *weight, Span stops, std::vector<Lanes<std::int32_t>> &counted) const {
    counted.resize(stops.end - stops.begin);
    Lanes<std::int32_t> sum{};
    std::size_t begin = stops.begin ? stop_ends_[stops.begin - 1] : 0;
    for (std::size_t stop = stops.begin; stop < stops.end; ++stop) {
        add_weights(weight, base_images_.data() + begin, stop_ends_[stop] - begin, sum.data());
        counted[stop - stops.begin] = sum;
        begin = stop_ends_[stop];
    }
}

namespace {

// A curve that is walked from its end, with the best precision of all points so far.
struct Walk {
    Lanes<std::int32_t> found{}, change{};  // cumulated weights up to and with this point
    Lanes<std::int32_t> level;              // levels that have no precision yet
    Lanes<std::int32_t> missed;             // the next count that lies on a missed level
    Lanes<double> best{}, sum{};
};

inline void add_weight(Lanes<std::int32_t> &sum, std::int32_t sign, const std::uint8_t *weight) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sum[lane] += sign * weight[lane];
}

// More is found than there is only where somebody asks for it by changing the masks.
inline bool any_above(const Lanes<std::int32_t> &found, const Lanes<std::int32_t> &truths) {
    bool above = false;
    for (std::size_t lane = 0; lane < lanes; ++lane) above |= found[lane] > truths[lane];
    return above;
}

// The levels that this point does not reach, and what lies behind it does, get the best precision from there.
template <bool Limited>
inline void take_levels(Walk &walk, const Lanes<double> &scale, double offset, double most) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        double levels = walk.found[lane] * scale[lane] + offset;
        if constexpr (Limited) levels = std::min(levels, most);
        const std::int32_t reached = static_cast<std::int32_t>(levels) - (walk.found[lane] == walk.missed[lane]);
        walk.sum[lane] += walk.best[lane] * (walk.level[lane] - reached);
        walk.level[lane] = reached;
    }
}

inline void take_precision(Walk &walk, const Lanes<std::int32_t> &counted, double spacing) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const double precision = walk.found[lane] / (std::max(counted[lane] + walk.change[lane], 1) + spacing);
        walk.best[lane] = std::max(walk.best[lane], precision);
    }
}

}  // namespace

// Sums the best precision at every level of recall. Precision only rises where something is found, so finds suffice.
template <bool Limited>
void Resampler::walk(const Curve &curve, const std::uint8_t *weight, const std::vector<Lanes<std::int32_t>> &base,
                     const Levels &levels, const Lanes<std::int32_t> &found, double *sum) const {
    // COCO's precision is found / (counted + spacing of 1).
    const double spacing = interpolation_ == Interpolation::points_101 ? std::numeric_limits<double>::epsilon() : 0;
    Walk walk;
    walk.found = found;
    for (std::size_t i = curve.changes.begin; i < curve.changes.end; ++i)
        add_weight(walk.change, changes_[i].sign, of_image(weight, changes_[i].image));
    std::array<std::size_t, lanes> next_missed{};
    for (std::size_t lane = 0; lane < lanes; ++lane) walk.missed[lane] = levels.missed[lane][0];
    walk.level.fill(0);  // nothing lies behind the last point: what it does not reach gets 0
    std::size_t change = curve.changes.end;
    for (std::size_t i = curve.finds.end; i-- > curve.finds.begin;) {
        for (; change > curve.changes.begin && changes_[change - 1].find > i - curve.finds.begin; --change)
            add_weight(walk.change, -changes_[change - 1].sign, of_image(weight, changes_[change - 1].image));
        bool passed = false;
        for (std::size_t lane = 0; lane < lanes; ++lane) passed |= walk.found[lane] < walk.missed[lane];
        if (passed)
            for (std::size_t lane = 0; lane < lanes; ++lane)
                while (walk.found[lane] < walk.missed[lane]) walk.missed[lane] = levels.missed[lane][++next_missed[lane]];
        take_levels<Limited>(walk, levels.scale, levels.offset, levels.most);
        take_precision(walk, base[finds_[i].stop], spacing);
        add_weight(walk.found, -1, of_image(weight, finds_[i].image));
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) sum[lane] = walk.sum[lane] + walk.best[lane] * walk.level[lane];
}

void Resampler::block(const std::uint8_t *weight, double *average_precision, double *recall) const {
    constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
    Levels levels;
    std::vector<Lanes<std::int32_t>> counted;
    for (std::size_t number = 0; number < curves_.size(); ++number) {
        const Curve &curve = curves_[number];
        if (curve.new_truths) set_levels(weight, curve.truths, levels);
        if (curve.new_base) cumulate(weight, curve.base, counted);
        double *const average = average_precision + number * lanes;
        Lanes<std::int32_t> found{};
        for (std::size_t i = curve.finds.begin; i < curve.finds.end; ++i)
            add_weight(found, 1, of_image(weight, finds_[i].image));
        if (any_above(found, levels.truths)) walk<true>(curve, weight, counted, levels, found, average);
        else walk<false>(curve, weight, counted, levels, found, average);
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const std::int32_t truths = levels.truths[lane];
            const bool whole_curve = interpolation_ == Interpolation::all_points;
            average[lane] = truths ? average[lane] / (whole_curve ? truths : static_cast<double>(levels_.size())) : undefined;
        }
        Lanes<std::int32_t> within{};
        for (std::size_t m = 0; m < max_dets_count_; ++m) {
            const std::size_t at = number * max_dets_count_ + m, begin = at ? within_ends_[at - 1] : 0;
            add_weights(weight, find_images_.data() + begin, within_ends_[at] - begin, within.data());
            for (std::size_t lane = 0; lane < lanes; ++lane)
                recall[at * lanes + lane] =
                    levels.truths[lane] ? within[lane] / static_cast<double>(levels.truths[lane]) : undefined;
        }
    }
}

void weighted_sums(const double *per_image, std::size_t images, std::size_t columns, const std::uint8_t *weight,
                   double *out) {
    std::fill_n(out, columns * lanes, 0.0);
    for (std::size_t image = 0; image < images; ++image) {
        Lanes<double> w;
        for (std::size_t lane = 0; lane < lanes; ++lane) w[lane] = weight[image * lanes + lane];
        for (std::size_t column = 0; column < columns; ++column) {
            const double value = per_image[image * columns + column];
            if (value == 0) continue;
            for (std::size_t lane = 0; lane < lanes; ++lane) out[column * lanes + lane] += value * w[lane];
        }
    }
}

}  // namespace detbench
