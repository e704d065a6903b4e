/* Least squares of the light along the slit (numerics/illumination.py). Arrays of pixels are [row, column]. */
#include "kernels.h"

enum { TERMS = 5 }; /* the light itself, and what it is corrected by: slope, bow, shift along the slit, loss at the ends */

static double along_slit(const double *map, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t columns)
{
    if (row == 0) return map[columns] - map[0];
    if (row == rows - 1) return map[0] - map[-columns];
    return 0.5 * (map[columns] - map[-columns]);
}

static void terms_of(const double *position, const double *light, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t columns,
                     double end, double *t)
{
    const double x = *position, y = *light;
    t[0] = y;
    t[1] = y * x;
    t[2] = y * (x * x - 1.0 / 3.0);
    t[3] = along_slit(light, row, rows, columns) / along_slit(position, row, rows, columns);
    t[4] = fabs(x) > end ? y : 0.0;
}

/* sums [TERMS, TERMS + 1] += products of the terms times the sky, weighted by the inverse variance, over the usable pixels;
   the last are those with the data less sky times light. Below the diagonal they stay. */
void illumination_sums(const double *restrict position, const double *restrict light, const double *restrict data,
                       const double *restrict sky, const double *restrict variance, const _Bool *restrict usable,
                       double end, ptrdiff_t rows, ptrdiff_t columns, double *restrict sums)
{
    for (ptrdiff_t r = 0; r < rows; r++) {
        double of_row[TERMS][TERMS + 1] = {{0}};
        for (ptrdiff_t c = 0; c < columns; c++) {
            const ptrdiff_t p = r * columns + c;
            double t[TERMS];
            if (!usable[p] || !(sky[p] > 0)) continue;
            terms_of(position + p, light + p, r, rows, columns, end, t);
            if (!isfinite(t[3])) continue;
            const double residual = data[p] - sky[p] * light[p], w = 1.0 / variance[p];
            for (int i = 0; i < TERMS; i++) t[i] *= sky[p];
            for (int i = 0; i < TERMS; i++) {
                const double weighted = w * t[i];
                for (int j = i; j < TERMS; j++) of_row[i][j] += weighted * t[j];
                of_row[i][TERMS] += weighted * residual;
            }
        }
        for (int i = 0; i < TERMS; i++)
            for (int j = i; j <= TERMS; j++) sums[i * (TERMS + 1) + j] += of_row[i][j];
    }
}

/* out = the light plus its terms but the first times `factors` [TERMS], not below `least`. */
void illumination_corrected(const double *restrict position, const double *restrict light,
                            const double *restrict factors, double end, double least, ptrdiff_t rows,
                            ptrdiff_t columns, double *restrict out)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) {
            const ptrdiff_t p = r * columns + c;
            double t[TERMS], sum = 0.0;
            terms_of(position + p, light + p, r, rows, columns, end, t);
            for (int i = 1; i < TERMS; i++) sum += isfinite(t[i]) ? factors[i] * t[i] : 0.0;
            sum += light[p];
            out[p] = sum < least ? least : sum;
        }
}
