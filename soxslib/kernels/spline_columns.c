/* Least squares with columns that are mostly 0 (numerics/spline_columns.py). */
#include "kernels.h"

/* out = columns.T @ (weight * columns), from columns [pixel, k] that are mostly 0; out [k, k] is zero at first. lit: room
   for k numbers. */
void columns_normal(const double *restrict columns, const double *restrict weight, ptrdiff_t pixels, ptrdiff_t k,
                  ptrdiff_t *restrict lit, double *restrict out)
{
    for (ptrdiff_t i = 0; i < pixels; i++) {
        const double *row = columns + i * k;
        ptrdiff_t n = 0;
        for (ptrdiff_t j = 0; j < k; j++)
            if (row[j] != 0.0) lit[n++] = j;
        for (ptrdiff_t a = 0; a < n; a++) {
            const double weighted = weight[i] * row[lit[a]];
            for (ptrdiff_t b = a; b < n; b++) out[lit[a] * k + lit[b]] += weighted * row[lit[b]];
        }
    }
    for (ptrdiff_t a = 0; a < k; a++)
        for (ptrdiff_t b = 0; b < a; b++) out[a * k + b] = out[b * k + a];
}
