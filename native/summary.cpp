#include "summary.hpp"

namespace detbench {
namespace {

constexpr std::size_t lanes_of_sum = 8, longest_block = 128;

double sum_of_block(const double *values, std::size_t count) {
    double lane[lanes_of_sum];
    for (std::size_t j = 0; j < lanes_of_sum; ++j) lane[j] = values[j];
    std::size_t i = lanes_of_sum;
    for (; i + lanes_of_sum <= count; i += lanes_of_sum)
        for (std::size_t j = 0; j < lanes_of_sum; ++j) lane[j] += values[i + j];
    double sum = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    for (; i < count; ++i) sum += values[i];
    return sum;
}

}  // namespace

double pairwise_sum(const double *values, std::size_t count) {
    if (count < lanes_of_sum) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += values[i];
        return sum;
    }
    if (count <= longest_block) return sum_of_block(values, count);
    const std::size_t half = count / 2 - count / 2 % lanes_of_sum;
    return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
}

std::optional<double> mean(const std::vector<double> &values) {
    if (values.empty()) return std::nullopt;
    return pairwise_sum(values.data(), values.size()) / static_cast<double>(values.size());
}

}  // namespace detbench
