/* Series of Chebyshev polynomials (numerics/polynomials.py). */
#include "kernels.h"

enum { BLOCK = 256 }; /* positions whose recurrences run side by side */

/* out[i] = the series of `count` coefficients at x[i], whose range [low, high] maps on [-1, 1], not farther than `reach`
   from its middle; by Clenshaw's recurrence. */
WIDE void chebyshev_series(const double *restrict x, double low, double high, double reach,
                           const double *restrict coefficients, ptrdiff_t count, double *restrict out, ptrdiff_t n)
{
    double u[BLOCK], last[BLOCK], next[BLOCK];
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t m = n - start < BLOCK ? n - start : BLOCK;
        for (ptrdiff_t i = 0; i < m; i++) {
            const double unit = (2.0 * x[start + i] - low - high) / (high - low);
            u[i] = unit < -reach ? -reach : unit > reach ? reach : unit;
            last[i] = next[i] = 0.0;
        }
        for (ptrdiff_t k = count - 1; k > 0; k--)
            for (ptrdiff_t i = 0; i < m; i++) {
                const double now = coefficients[k] + 2.0 * u[i] * last[i] - next[i];
                next[i] = last[i];
                last[i] = now;
            }
        for (ptrdiff_t i = 0; i < m; i++) out[start + i] = coefficients[0] + u[i] * last[i] - next[i];
    }
}
