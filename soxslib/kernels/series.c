/* Series of local cubics and their least squares (numerics/series.py). */
#include <string.h>

#include "kernels.h"

/* out[i] (+)= factor[i] * the series at first[i], phase[i]. cubic [half of the phase, node, power]: its polynomials;
   halves: 1 or 2 of them; factor: one value for each datum, or a single 1 (scale = 0). */
WIDE void series_evaluate(const double *restrict cubic, ptrdiff_t halves, ptrdiff_t nodes, const ptrdiff_t *restrict first,
                          const double *restrict phase, const double *restrict factor, ptrdiff_t scale, ptrdiff_t add,
                          double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double x = phase[i];
        const double *c = cubic + 4 * (first[i] + (halves == 2 && x >= 0.5 ? nodes : 0));
        double y = ((c[3] * x + c[2]) * x + c[1]) * x + c[0];
        if (scale) y *= factor[i];
        out[i] = add ? out[i] + y : y;
    }
}
