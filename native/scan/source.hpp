// Where text comes from, and the piece of it that is in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "text.hpp"

namespace detbench::scan {

// A text of a length that is settled when it is opened. May be read by several threads at once.
class Source {
  public:
    virtual ~Source() = default;
    std::uint64_t size() const { return size_; }
    // Exactly `count` bytes from `offset` on. False if they cannot be had: the file was cut meanwhile, or is broken.
    virtual bool read(std::uint64_t offset, char *to, std::size_t count) const = 0;

  protected:
    std::uint64_t size_ = 0;
};

// A regular file; null if there is none at `path`, or it may not be read.
std::unique_ptr<Source> open_file(const char *path);

// Bytes that someone else keeps.
std::unique_ptr<Source> open_memory(const char *bytes, std::size_t size);

// Whether nothing but spaces stands from `offset` to the end.
bool only_spaces_from(const Source &source, std::uint64_t offset);

// No record is so long; what is, is left to the general reader.
inline constexpr std::size_t longest_record = std::size_t{64} << 20;

// A stretch of a source, with the padding of text.hpp around it.
class Window {
  public:
    // `step_bytes` is the least to read on by.
    Window(const Source &source, std::size_t step_bytes) : source_(&source), step_bytes_(step_bytes) {}

    // Looks at up to `count` bytes from `offset` on instead; reading on, never keeps more than `longest`. False if
    // there is nothing to see.
    bool load(std::uint64_t offset, std::size_t count, std::size_t longest = longest_record);

    // Reads on, keeping the text from p on and moving p with it. False at the end of the source, and where too much
    // would have to be kept.
    bool more(const char *&p);

    const char *begin() const { return buffer_.get() + padding; }
    const char *end() const { return begin() + size_; }
    std::uint64_t offset_of(const char *p) const { return offset_ + static_cast<std::uint64_t>(p - begin()); }

    // Makes a step, a function of text.hpp's convention, reading on where the text was cut short. A step must not
    // leave off at the end of the text, where what it read might go on.
    template <class Step>
    bool make(const char *&p, Step &&step) {
        for (;;) {
            const char *at = p;
            if (step(at)) {
                p = at;
                return true;
            }
            if (at != end() || !more(p)) return false;
        }
    }

  private:
    bool fill(std::size_t kept, std::uint64_t wanted);
    void reserve(std::size_t bytes);

    const Source *source_;
    std::size_t step_bytes_, longest_ = longest_record;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
    std::uint64_t offset_ = 0;  // of begin()
};

}  // namespace detbench::scan
