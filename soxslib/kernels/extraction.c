/* Pixels of an order (numerics/extraction.py). */
#include "kernels.h"

/* Variance of pixels of an expected signal: floor, its photons and the relative variance of the response. */
WIDE void model_variance(const double *restrict model, const double *restrict floor, double ndit,
                         const double *restrict response, double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double light = model[i] > 0.0 ? model[i] : 0.0;
        out[i] = floor[i] + light / ndit + response[i] * (light * light);
    }
}
