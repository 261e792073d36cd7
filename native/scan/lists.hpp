// Lists of records, read in pieces, several at once.
//
// A piece is a stretch of the file of fixed length; a record belongs to the piece that its first byte is in. Where the
// first record of a piece begins can only be guessed, so each piece, once it is read, waits for those before it: if the
// last of their records ends just before the guess, the guess was right, and if not, the piece is read again from where
// it truly starts. What comes out is therefore what one thread would have read, whatever the text.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "../parallel.hpp"
#include "records.hpp"
#include "source.hpp"

namespace detbench::scan {

struct Options {
    unsigned threads;
    std::size_t piece_bytes;

    // Room in which the last record of a piece mostly ends.
    std::size_t overhang() const { return std::min(piece_bytes, std::size_t{1} << 12); }
    // What is read from a guessed start is thrown away if the guess was wrong: it may not cost much.
    std::size_t longest_guess() const { return 4 * piece_bytes; }
};

// How much of a list's file has been handed over, the columns at hand included.
struct Progress {
    std::uint64_t done_bytes, all_bytes;
};

// How far a list was read.
struct Reached {
    enum class At { record, end_of_list, unusual } at;
    std::uint64_t offset;  // of the next record, or behind the list
};

// Reads the records that start between two offsets. A kind of record says
//   Record                   what RecordReader reads
//   Columns                  where records are kept
//   clear(columns)           empties them
//   keep(record, columns)    puts a record behind the others
template <class Kind>
class PieceReader {
    Window window_;
    Options options_;
    RecordReader<typename Kind::Record> reader_;
    typename Kind::Record record_;

    // From behind a record to the next, or behind the list.
    static bool skip_to_next(const char *&p, bool &last) {
        skip_space(p);
        last = *p == ']';
        if (!last && *p != ',') return false;
        ++p;
        if (last) return true;
        skip_space(p);
        return *p == '{';
    }

    const char *at(std::uint64_t offset) const {
        return window_.begin() + static_cast<std::size_t>(offset - window_.offset_of(window_.begin()));
    }

  public:
    typename Kind::Columns columns;

    PieceReader(const Source &source, const Options &options)
        : window_(source, options.overhang()), options_(options) {}
    // Knows already what that other's records look like.
    PieceReader(const Source &source, const PieceReader &other) : PieceReader(source, other.options_) {
        reader_ = other.reader_;
    }

    // Looks at the text from `start` to `stop`. False if it cannot be had.
    bool look(std::uint64_t start, std::uint64_t stop, std::size_t longest = longest_record) {
        Kind::clear(columns);
        return window_.load(start, static_cast<std::size_t>(stop - start) + options_.overhang(), longest);
    }

    // Where, between the two, the first record seems to begin: where there stands what records begin with.
    std::optional<std::uint64_t> guess(std::uint64_t start, std::uint64_t stop) const {
        const std::string opening = reader_.opening();
        const std::string_view seen(at(start), static_cast<std::size_t>(window_.end() - at(start)));
        const std::size_t found = seen.find(opening);
        if (found >= stop - start) return std::nullopt;  // also where it is nowhere
        return start + found;
    }

    // Reads the records from the one at `start` on, of the text looked at.
    Reached read(std::uint64_t start, std::uint64_t stop) {
        constexpr Reached unusual{Reached::At::unusual, 0};
        const char *p = at(start);
        while (window_.offset_of(p) < stop) {
            if (!window_.make(p, [this](const char *&q) { return reader_.read(q, record_); })) return unusual;
            Kind::keep(record_, columns);
            bool last;
            if (!window_.make(p, [&last](const char *&q) { return skip_to_next(q, last); })) return unusual;
            if (last) return {Reached::At::end_of_list, window_.offset_of(p)};
        }
        return {Reached::At::record, window_.offset_of(p)};
    }
};

// Reads a list and hands its columns over, piece by piece and in order, to `sink(columns, progress)`, which returns
// whether to go on.
template <class Kind, class Sink>
class ListScan {
    using Reader = PieceReader<Kind>;

    const Source &source_;
    const Options options_;
    Sink &sink_;
    std::uint64_t first_ = 0;   // the list's first record
    std::uint64_t origin_ = 0;  // where the pieces begin that several threads share

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::size_t turn_ = 0;    // the piece that may be handed over
    std::uint64_t next_ = 0;  // the record after those handed over
    std::optional<std::uint64_t> end_;
    bool done_ = false;

    std::uint64_t stop_of(std::uint64_t start) const {
        return start + std::min<std::uint64_t>(options_.piece_bytes, source_.size() - start);
    }

    static Reached read_from(Reader &reader, std::uint64_t start, std::uint64_t stop) {
        return reader.look(start, stop) ? reader.read(start, stop) : Reached{Reached::At::unusual, 0};
    }

    void finish() {
        done_ = true;
        changed_.notify_all();
    }

    void hand_over(Reader &reader, const Reached &reached) {
        if (reached.at == Reached::At::unusual) return finish();
        if (!sink_(reader.columns, Progress{reached.offset - first_, source_.size() - first_})) return finish();
        next_ = reached.offset;
        if (reached.at != Reached::At::end_of_list) return;
        end_ = reached.offset;
        finish();
    }

    // Reads a piece, and when it is its turn hands it over. False once the list is done.
    bool read_piece(Reader &reader, std::size_t piece) {
        const std::uint64_t start = origin_ + piece * std::uint64_t{options_.piece_bytes}, stop = stop_of(start);
        std::optional<std::uint64_t> guess;
        Reached reached{Reached::At::unusual, 0};
        if (reader.look(start, stop, options_.longest_guess()) && (guess = reader.guess(start, stop)))
            reached = reader.read(*guess, stop);

        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return done_ || turn_ == piece; });
        if (done_) return false;
        if (next_ < stop) {
            const bool good = guess == next_ && reached.at != Reached::At::unusual;
            hand_over(reader, good ? reached : read_from(reader, next_, stop));
        }
        ++turn_;
        changed_.notify_all();
        return !done_;
    }

    // What one thread does. If it fails, no other may wait for it.
    void read_pieces(Reader reader, Pieces &pieces) {
        try {
            while (const auto piece = pieces.next())
                if (!read_piece(reader, *piece)) return;
        } catch (...) {
            const std::lock_guard lock(mutex_);
            finish();
            throw;
        }
    }

  public:
    ListScan(const Source &source, const Options &options, Sink &sink)
        : source_(source), options_(options), sink_(sink) {}

    // Reads the list whose first record is at `first`; returns where it ends, nullopt if it is unusual. Throws what the
    // sink throws, and std::bad_alloc.
    std::optional<std::uint64_t> run(std::uint64_t first) {
        // The first piece is read alone: the others are guessed from what its records look like.
        first_ = first;
        origin_ = stop_of(first);
        Reader reader(source_, options_);
        hand_over(reader, read_from(reader, first, origin_));
        if (done_) return end_;
        const auto pieces = static_cast<std::size_t>((source_.size() - origin_) / options_.piece_bytes + 1);
        share(options_.threads, pieces, [&](Pieces &shared) { read_pieces(Reader(source_, reader), shared); });
        return end_;
    }
};

template <class Kind, class Sink>
std::optional<std::uint64_t> scan_list(const Source &source, const Options &options, std::uint64_t first, Sink &&sink) {
    return ListScan<Kind, std::remove_reference_t<Sink>>(source, options, sink).run(first);
}

}  // namespace detbench::scan
