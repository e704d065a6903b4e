/* What the sky's lines tell about the wavelength map along the slit (numerics/skybend.py). */
#include "kernels.h"

/* sums [5, column] += over the usable pixels [row, column] of each column, with the shift's slope a and bow b along the
   slit times the sky's slope, weighted by the inverse variance: aa, ab, bb, and a and b times the residual. */
void skybend_sums(const double *restrict slit, const double *restrict reference, const double *restrict residual,
                  const double *restrict slope, const double *restrict variance, const _Bool *restrict usable,
                  double clip, ptrdiff_t rows, ptrdiff_t columns, double *restrict sums)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) {
            const ptrdiff_t p = r * columns + c;
            const double lean = slit[p] - reference[p];
            if (!usable[p] || !isfinite(lean) || !(fabs(residual[p]) < clip * sqrt(variance[p]))) continue;
            const double a = -slope[p] * lean, b = a * (slit[p] + reference[p]), w = 1.0 / variance[p];
            sums[c] += w * a * a;
            sums[columns + c] += w * a * b;
            sums[2 * columns + c] += w * b * b;
            sums[3 * columns + c] += w * a * residual[p];
            sums[4 * columns + c] += w * b * residual[p];
        }
}
