// Work that several threads share: numbered pieces, each taken by whoever is free.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace detbench {

// Pieces 0..count, each handed out once, in order.
class Pieces {
public:
    explicit Pieces(std::size_t count) : count_(count) {}

    std::optional<std::size_t> next() {
        const std::size_t piece = next_.fetch_add(1, std::memory_order_relaxed);
        if (piece >= count_) return std::nullopt;
        return piece;
    }

    void abandon() { next_.store(count_, std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> next_{0};
    const std::size_t count_;
};

// Runs `work(pieces)` on up to `threads` threads, the caller's among them, until the pieces are used up. What a
// thread throws (memory can run out) is thrown again here; where the system gives no thread, fewer share the work.
template <typename Work>
void share(std::size_t threads, std::size_t count, const Work &work) {
    Pieces pieces(count);
    std::vector<std::exception_ptr> errors(std::max<std::size_t>(std::min(threads, count), 1));
    const auto run = [&](std::exception_ptr &error) {
        try {
            work(pieces);
        } catch (...) {
            error = std::current_exception();
            pieces.abandon();
        }
    };
    std::vector<std::thread> helpers;
    helpers.reserve(errors.size());
    try {
        for (std::size_t i = 1; i < errors.size(); ++i) helpers.emplace_back(run, std::ref(errors[i]));
    } catch (const std::system_error &) {
    }
    run(errors[0]);
    for (std::thread &helper : helpers) helper.join();
    for (const std::exception_ptr &error : errors)
        if (error) std::rethrow_exception(error);
}

}  // namespace detbench
