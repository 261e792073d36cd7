// COCO annotation files: {"images": […], "annotations": […], "categories": […], …}
#include <array>
#include <string>
#include <string_view>

#include "append.hpp"
#include "entry.hpp"
#include "fields.hpp"
#include "ids.hpp"

namespace detbench::scan {
namespace {

struct Image {
    static constexpr std::array<std::string_view, 4> keys{"id", "file_name", "width", "height"};
    static constexpr std::uint64_t required = 0b1101;

    std::int64_t id;
    std::string file_name;
    std::int32_t width_px, height_px;

    void clear() { file_name.clear(); }
    bool read(unsigned field, const char *&p) {
        switch (field) {
            case 0: return read_integer(p, id);
            case 1: return read_name(p);
            case 2: return read_side(p, width_px);
            default: return read_side(p, height_px);
        }
    }

  private:
    // Names that lead out of the folder of pictures, or elsewhere, are reported (detbench/files.py: safe_join).
    bool read_name(const char *&p) {
        const char *const first = p;
        if (!read_string(p, file_name)) return false;
        if (file_name.find("..") == std::string::npos && file_name.find(':') == std::string::npos) return true;
        p = first;
        return false;
    }
};

struct Category {
    static constexpr std::array<std::string_view, 2> keys{"id", "name"};
    static constexpr std::uint64_t required = 0b11;

    std::int64_t id;
    std::string name;

    void clear() { name.clear(); }
    bool read(unsigned field, const char *&p) { return field == 0 ? read_integer(p, id) : read_string(p, name); }
};

struct Annotation {
    static constexpr std::array<std::string_view, 10> keys{
        "image_id", "category_id", "bbox", "id", "area", "iscrowd", "ignore", "difficult", "truncated", "occluded"};
    static constexpr std::uint64_t required = 0b111;

    struct Optional {
        bool has_id = false;
        double area = std::numeric_limits<double>::quiet_NaN();
        std::uint8_t crowd = 0, ignore = 0, difficult = 0;
        std::int8_t truncated = -1, occluded = -1;
    };
    std::int64_t image_id, category_id, id;
    double xywh[4];
    Optional more;

    void clear() { more = {}; }
    bool read(unsigned field, const char *&p) {
        switch (field) {
            case 0: return read_integer(p, image_id);
            case 1: return read_integer(p, category_id);
            case 2: return read_box(p, xywh);
            case 3: return more.has_id = true, read_integer(p, id);
            case 4: return read_optional_double(p, more.area);
            case 5: return read_flag(p, more.crowd);
            case 6: return read_flag(p, more.ignore);
            case 7: return read_flag(p, more.difficult);
            case 8: return read_level(p, more.truncated);
            default: return read_level(p, more.occluded);
        }
    }
};

void put(Strings &strings, const std::string &text) {
    strings.text += text;
    strings.ends.push_back(static_cast<std::uint32_t>(strings.text.size()));
}

void clear(Strings &strings) {
    strings.text.clear();
    strings.ends.clear();
}

struct Images {
    using Record = Image;
    struct Columns {
        UnfilledVector<std::int64_t> id;
        UnfilledVector<std::int32_t> width_px, height_px;
        Strings file_name;
    };
    static void clear(Columns &columns) {
        columns.id.clear();
        columns.width_px.clear();
        columns.height_px.clear();
        scan::clear(columns.file_name);
    }
    static void keep(const Image &record, Columns &columns) {
        columns.id.push_back(record.id);
        columns.width_px.push_back(record.width_px);
        columns.height_px.push_back(record.height_px);
        put(columns.file_name, record.file_name);
    }
    static bool append_to(GroundTruthFile &file, const Columns &block, const Progress &progress) {
        append(file.image_id, block.id, progress);
        append(file.width_px, block.width_px, progress);
        append(file.height_px, block.height_px, progress);
        return append(file.file_name, block.file_name);
    }
};

struct Categories {
    using Record = Category;
    struct Columns {
        UnfilledVector<std::int64_t> id;
        Strings name;
    };
    static void clear(Columns &columns) {
        columns.id.clear();
        scan::clear(columns.name);
    }
    static void keep(const Category &record, Columns &columns) {
        columns.id.push_back(record.id);
        put(columns.name, record.name);
    }
    static bool append_to(GroundTruthFile &file, const Columns &block, const Progress &progress) {
        append(file.category_id, block.id, progress);
        return append(file.category_name, block.name);
    }
};

struct Annotations {
    using Record = Annotation;
    using Columns = GroundTruthFile;  // of which only the annotations' are used

    // Calls `each` with every column, or with the same column of several files.
    template <class Each, class... Files>
    static void for_columns(Each &&each, Files &...files) {
        each(files.annotation_id...);
        each(files.of_image...);
        each(files.of_category...);
        each(files.xywh...);
        each(files.area...);
        each(files.crowd...);
        each(files.ignore...);
        each(files.difficult...);
        each(files.truncated...);
        each(files.occluded...);
    }
    static void clear(GroundTruthFile &columns) {
        for_columns([](auto &column) { column.clear(); }, columns);
    }
    static void keep(const Annotation &record, GroundTruthFile &columns) {
        if (record.more.has_id) columns.annotation_id.push_back(record.id);
        columns.of_image.push_back(record.image_id);
        columns.of_category.push_back(record.category_id);
        columns.xywh.insert(columns.xywh.end(), record.xywh, record.xywh + 4);
        columns.area.push_back(record.more.area);
        columns.crowd.push_back(record.more.crowd);
        columns.ignore.push_back(record.more.ignore);
        columns.difficult.push_back(record.more.difficult);
        columns.truncated.push_back(record.more.truncated);
        columns.occluded.push_back(record.more.occluded);
    }
    static bool append_to(GroundTruthFile &file, const GroundTruthFile &block, const Progress &progress) {
        for_columns([&](auto &whole, const auto &part) { append(whole, part, progress); }, file, block);
        return true;
    }
};

// The object that is the whole file, key by key.
class Document {
    const Source &source_;
    const Options &options_;
    Window window_;
    const char *p_ = nullptr;
    unsigned seen_ = 0;

    bool look(std::uint64_t offset) {
        const bool found = window_.load(offset, options_.piece_bytes);
        p_ = window_.begin();
        return found;
    }

    // From behind the brace or a value to the next value, past its key.
    bool go_to_value(std::string &key) {
        return window_.make(p_, [&key](const char *&p) {
            skip_space(p);
            std::string_view text;
            if (!read_key(p, text) || !skip_mark(p, ':')) return false;
            skip_space(p);
            key = text;
            return *p > ' ';
        });
    }

    // Over the comma, or the brace that ends the object.
    bool skip_separator(bool &last) {
        return window_.make(p_, [&last](const char *&p) {
            skip_space(p);
            last = *p == '}';
            if (!last && *p != ',') return false;
            ++p;
            return true;
        });
    }

    template <class Kind>
    bool read_list() {
        const bool opened = window_.make(p_, [](const char *&p) {
            if (!skip_mark(p, '[')) return false;
            skip_space(p);
            return *p == '{' || *p == ']';
        });
        if (!opened) return false;
        if (*p_ == ']') {
            ++p_;
            return true;
        }
        const std::optional<std::uint64_t> end =
            scan_list<Kind>(source_, options_, window_.offset_of(p_),
                            [this](const typename Kind::Columns &block, const Progress &progress) {
                                return Kind::append_to(file, block, progress);
                            });
        return end && look(*end);
    }

    bool first_time(unsigned bit) {
        const bool first = (seen_ & bit) == 0;
        seen_ |= bit;
        return first;
    }

    bool read_value(const std::string &key) {
        if (key == "images") return first_time(1) && read_list<Images>();
        if (key == "annotations") return first_time(2) && read_list<Annotations>();
        if (key == "categories") return first_time(4) && read_list<Categories>();
        if (key == "ignored_regions") return false;  // detbench's own: rows of another kind
        // A number might go on where the text at hand ends: what follows a value belongs to it.
        return window_.make(p_, [](const char *&p) {
            if (!skip_value(p)) return false;
            skip_space(p);
            return *p == ',' || *p == '}';
        });
    }

    bool read_object() {
        std::string key;
        for (bool last = false; !last;)
            if (!go_to_value(key) || !read_value(key) || !skip_separator(last)) return false;
        return seen_ == 7;
    }

  public:
    GroundTruthFile file;

    Document(const Source &source, const Options &options)
        : source_(source), options_(options), window_(source, options.overhang()) {}

    bool read() {
        if (!look(0) || !window_.make(p_, [](const char *&p) { return skip_mark(p, '{'); })) return false;
        if (!read_object()) return false;
        return only_spaces_from(source_, window_.offset_of(p_));
    }
};

template <class Ids>
bool all_in(const UnfilledVector<std::int64_t> &ids, const Ids &known) {
    return std::all_of(ids.begin(), ids.end(), [&known](std::int64_t id) { return known.contains(id); });
}

// Whether the file's ids fit together, so that there is nothing to report (detbench/data/formats/coco_tables.py).
bool fits_together(const GroundTruthFile &file) {
    if (!file.annotation_id.empty() && file.annotation_id.size() != file.size()) return false;
    const IdSet images(file.image_id), categories(file.category_id);
    return images.unique() && categories.unique() && IdSet(file.annotation_id).unique() &&
           all_in(file.of_image, images) && all_in(file.of_category, categories);
}

}  // namespace

std::optional<GroundTruthFile> ground_truth_of(const Source &source, const Options &options) {
    Document document(source, options);
    if (!document.read() || !fits_together(document.file)) return std::nullopt;
    document.file.bytes = source.size();
    return std::move(document.file);
}

}  // namespace detbench::scan
