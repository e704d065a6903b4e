/* What the loops share. Arrays are C-contiguous; sizes are ptrdiff_t. */
#ifndef SOXSLIB_KERNELS_H
#define SOXSLIB_KERNELS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { TAPS = 4 }; /* a cubic basis on a unit grid touches four nodes */

/* The same loop compiled for wide registers too, where the loader can choose: same operations, same results. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* A part of a loop that is to be compiled with it, for the same registers. */
#define INSIDE static inline __attribute__((always_inline))

#endif
