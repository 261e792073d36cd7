// One function for each width of vector that a processor may have; the loader takes the widest that this one has.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__) && __has_attribute(target_clones)
#define DETBENCH_FOR_ALL_VECTORS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DETBENCH_FOR_ALL_VECTORS
#endif
