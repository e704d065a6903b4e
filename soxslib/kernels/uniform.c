/* Functions sampled at 0, 1, 2 ... (numerics/uniform.py). */
#include "kernels.h"

/* Lines drawn between the samples, at positions; beyond the first and last: `below`, `above`. NaN stays NaN. */
void uniform_at(const double *restrict position, const double *restrict samples, ptrdiff_t size, double below, double above,
                double *restrict out, ptrdiff_t n)
{
    const double last = (double)(size - 1);
    for (ptrdiff_t i = 0; i < n; i++) {
        const double x = position[i];
        if (x >= 0.0 && x < last) {
            const ptrdiff_t k = (ptrdiff_t)x;
            out[i] = samples[k] + (x - (double)k) * (samples[k + 1] - samples[k]);
        } else
            out[i] = x < 0.0 ? below : x > last ? above : x == last ? samples[size - 1] : NAN;
    }
}
