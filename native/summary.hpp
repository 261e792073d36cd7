// Means as NumPy computes them, so that a number does not depend on who computes it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace detbench {

// The sum as numpy.sum's of a contiguous column: pairwise, in blocks of 128 with eight running sums.
double pairwise_sum(const double *values, std::size_t count);

// numpy.mean; nothing for no values.
std::optional<double> mean(const std::vector<double> &values);

}  // namespace detbench
