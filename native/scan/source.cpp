#include "source.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#if defined(_WIN32)
#include <mutex>
#else
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace detbench::scan {
namespace {

#if defined(_WIN32)
class File final : public Source {
    std::FILE *file_;
    mutable std::mutex mutex_;

  public:
    explicit File(std::FILE *file) : file_(file) {
        const long long end = _fseeki64(file, 0, SEEK_END) == 0 ? _ftelli64(file) : 0;
        size_ = static_cast<std::uint64_t>(std::max(end, 0LL));
    }
    ~File() override { std::fclose(file_); }
    bool read(std::uint64_t offset, char *to, std::size_t count) const override {
        const std::lock_guard lock(mutex_);
        return _fseeki64(file_, static_cast<long long>(offset), SEEK_SET) == 0 &&
               std::fread(to, 1, count, file_) == count;
    }
};
#else
class File final : public Source {
    int file_;

  public:
    File(int file, std::uint64_t size) : file_(file) { size_ = size; }
    ~File() override { ::close(file_); }
    bool read(std::uint64_t offset, char *to, std::size_t count) const override {
        while (count > 0) {
            const ssize_t got = ::pread(file_, to, count, static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return false;
            to += got;
            offset += static_cast<std::uint64_t>(got);
            count -= static_cast<std::size_t>(got);
        }
        return true;
    }
};
#endif

class Memory final : public Source {
    const char *bytes_;

  public:
    Memory(const char *bytes, std::size_t size) : bytes_(bytes) { size_ = size; }
    bool read(std::uint64_t offset, char *to, std::size_t count) const override {
        if (offset > size_ || count > size_ - offset) return false;
        std::copy_n(bytes_ + offset, count, to);
        return true;
    }
};

}  // namespace

#if defined(_WIN32)
std::unique_ptr<Source> open_file(const char *path) {
    std::FILE *file = std::fopen(path, "rb");
    return file == nullptr ? nullptr : std::make_unique<File>(file);
}
#else
std::unique_ptr<Source> open_file(const char *path) {
    // A pipe without a writer would block the opening.
    const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return nullptr;
    struct stat status;
    if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        ::close(file);
        return nullptr;
    }
    return std::make_unique<File>(file, static_cast<std::uint64_t>(status.st_size));
}
#endif

std::unique_ptr<Source> open_memory(const char *bytes, std::size_t size) {
    return std::make_unique<Memory>(bytes, size);
}

bool only_spaces_from(const Source &source, std::uint64_t offset) {
    char block[1024];
    while (offset < source.size()) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof block, source.size() - offset));
        if (!source.read(offset, block, count) || !std::all_of(block, block + count, is_space)) return false;
        offset += count;
    }
    return true;
}

void Window::reserve(std::size_t bytes) {
    if (buffer_ && bytes <= capacity_) return;
    std::unique_ptr<char[]> larger(new char[bytes + 2 * padding]);
    std::memset(larger.get(), 0, padding);
    if (size_ > 0) std::memcpy(larger.get() + padding, begin(), size_);
    buffer_ = std::move(larger);
    capacity_ = bytes;
}

// Reads up to `wanted` bytes behind the first `kept`.
bool Window::fill(std::size_t kept, std::uint64_t wanted) {
    const std::uint64_t from = offset_ + kept;
    const auto count = static_cast<std::size_t>(std::min(wanted, source_->size() - std::min(from, source_->size())));
    size_ = kept;
    reserve(kept + count);
    char *const text = buffer_.get() + padding;
    const bool read = count == 0 || source_->read(from, text + kept, count);
    if (read) size_ += count;
    std::memset(text + size_, 0, padding);
    return read && count > 0;
}

bool Window::load(std::uint64_t offset, std::size_t count, std::size_t longest) {
    offset_ = offset;
    longest_ = longest;
    return fill(0, count);
}

bool Window::more(const char *&p) {
    const auto at = static_cast<std::size_t>(p - begin());
    const std::size_t kept = size_ - at;
    if (kept > longest_) return false;
    std::memmove(buffer_.get() + padding, p, kept);
    offset_ += at;
    const bool found = fill(kept, std::max(step_bytes_, kept));
    p = begin();
    return found;
}

}  // namespace detbench::scan
