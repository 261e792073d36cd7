// COCO results: [{"image_id": 1, "category_id": 2, "bbox": [x, y, width, height], "score": 0.5}, …]
#include <array>
#include <string_view>

#include "append.hpp"
#include "entry.hpp"
#include "fields.hpp"

namespace detbench::scan {
namespace {

struct Prediction {
    static constexpr std::array<std::string_view, 4> keys{"image_id", "category_id", "bbox", "score"};
    static constexpr std::uint64_t required = 0b1111;

    std::int64_t image_id, category_id;
    double xywh[4];
    double score;

    void clear() {}  // no field may be missing
    bool read(unsigned field, const char *&p) {
        switch (field) {
            case 0: return read_integer(p, image_id);
            case 1: return read_integer(p, category_id);
            case 2: return read_box(p, xywh);
            default: return read_double(p, score);
        }
    }
};

struct Predictions {
    using Record = Prediction;
    using Columns = PredictionFile;

    static void clear(PredictionFile &columns) {
        columns.image_id.clear();
        columns.category_id.clear();
        columns.xywh.clear();
        columns.score.clear();
    }
    static void keep(const Prediction &record, PredictionFile &columns) {
        columns.image_id.push_back(record.image_id);
        columns.category_id.push_back(record.category_id);
        columns.xywh.insert(columns.xywh.end(), record.xywh, record.xywh + 4);
        columns.score.push_back(record.score);
    }
};

// Where the first record is, or that there is none.
struct Opening {
    bool empty;
    std::uint64_t first;
};

std::optional<Opening> open_list(const Source &source, const Options &options) {
    Window window(source, options.overhang());
    if (!window.load(0, options.overhang())) return std::nullopt;
    const char *p = window.begin();
    const bool opened = window.make(p, [](const char *&q) {
        if (!skip_mark(q, '[')) return false;
        skip_space(q);
        return *q == '{' || *q == ']';
    });
    if (!opened) return std::nullopt;
    return Opening{*p == ']', window.offset_of(p) + (*p == ']')};
}

template <class Sink>
bool scan_predictions_of(const Source &source, const Options &options, Sink &&sink) {
    const std::optional<Opening> opening = open_list(source, options);
    if (!opening) return false;
    if (opening->empty) return only_spaces_from(source, opening->first);
    const std::optional<std::uint64_t> end = scan_list<Predictions>(source, options, opening->first, sink);
    return end && only_spaces_from(source, *end);
}

}  // namespace

std::optional<PredictionFile> predictions_of(const Source &source, const Options &options) {
    PredictionFile file;
    const auto take = [&file](const PredictionFile &block, const Progress &progress) {
        append(file.image_id, block.image_id, progress);
        append(file.category_id, block.category_id, progress);
        append(file.xywh, block.xywh, progress);
        append(file.score, block.score, progress);
        return true;
    };
    if (!scan_predictions_of(source, options, take)) return std::nullopt;
    file.bytes = source.size();
    return file;
}

bool prediction_blocks_of(const Source &source, const Options &options,
                          const std::function<bool(PredictionFile &)> &sink) {
    return scan_predictions_of(source, options, [&sink](PredictionFile &block, const Progress &progress) {
        block.bytes = progress.done_bytes;
        return sink(block);
    });
}

struct PredictionPieces::State {
    const Source &source;
    const Options options;
    PieceReader<Predictions> reader;
    std::uint64_t next = 0;
    enum class At { start, record, end, unusual } at = At::start;

    State(const Source &of, const Options &how) : source(of), options(how), reader(of, how) {}

    void open() {
        const std::optional<Opening> opening = open_list(source, options);
        if (!opening) {
            at = At::unusual;
            return;
        }
        next = opening->first;
        at = At::record;
        if (opening->empty) close();
    }
    void close() { at = only_spaces_from(source, next) ? At::end : At::unusual; }

    void read_piece() {
        const std::uint64_t stop = next + std::min<std::uint64_t>(options.piece_bytes, source.size() - next);
        const Reached reached = reader.look(next, stop) ? reader.read(next, stop) : Reached{Reached::At::unusual, 0};
        next = reached.offset;
        if (reached.at == Reached::At::unusual) at = At::unusual;
        if (reached.at == Reached::At::end_of_list) close();
    }
};

PredictionPieces::PredictionPieces(const Source &source, const Options &options)
    : state_(std::make_unique<State>(source, options)) {}
PredictionPieces::~PredictionPieces() = default;

bool PredictionPieces::next(PredictionFile &block) {
    if (state_->at == State::At::start) state_->open();
    if (state_->at != State::At::record) return false;
    state_->read_piece();
    if (state_->at == State::At::unusual) return false;
    std::swap(block, state_->reader.columns);
    block.bytes = state_->next;
    return true;
}

bool PredictionPieces::unusual() const { return state_->at == State::At::unusual; }

}  // namespace detbench::scan
