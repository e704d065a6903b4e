/* Pixels of an order cut out of a frame (numerics/cutout.py). Arrays of pixels are [row, column]. */
#include "kernels.h"

/* out (2 images) = two polynomials of the row, of `count` nodes in each column, in Newton's form: nodes [node, column],
   differences [polynomial, node, column] of their values. */
WIDE void cutout_newton(const double *restrict row, const double *restrict nodes, const double *restrict differences,
                        ptrdiff_t count, double *restrict out, ptrdiff_t rows, ptrdiff_t columns)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int which = 0; which < 2; which++) {
            const double *of = differences + which * count * columns, *y = row + r * columns;
            double *restrict sum = out + (which * rows + r) * columns;
            for (ptrdiff_t c = 0; c < columns; c++) sum[c] = of[(count - 1) * columns + c];
            for (ptrdiff_t k = count - 2; k >= 0; k--)
                for (ptrdiff_t c = 0; c < columns; c++)
                    sum[c] = of[k * columns + c] + (y[c] - nodes[k * columns + c]) * sum[c];
        }
}

static double difference(const double *map, ptrdiff_t i, ptrdiff_t n, ptrdiff_t stride)
{
    if (i == 0) return map[stride] - map[0];
    if (i == n - 1) return map[0] - map[-stride];
    return 0.5 * (map[stride] - map[-stride]);
}

/* out = slope of a map along rows of the frame; step [column]: how far the cutout's first row steps with the column. */
void cutout_slope(const double *restrict map, const double *restrict step, ptrdiff_t rows, ptrdiff_t columns,
                  double *restrict out)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) {
            const double *at = map + r * columns + c;
            out[r * columns + c] = difference(at, c, columns, 1) - step[c] * difference(at, r, rows, columns);
        }
}

/* out = map - moved * slope + moved^2 / 2 * slope of the slope. */
void cutout_displaced(const double *restrict map, const double *restrict slope, const double *restrict moved,
                      const double *restrict step, ptrdiff_t rows, ptrdiff_t columns, double *restrict out)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) {
            const ptrdiff_t p = r * columns + c;
            const double *at = slope + p;
            const double bend = difference(at, c, columns, 1) - step[c] * difference(at, r, rows, columns);
            out[p] = map[p] - moved[p] * slope[p] + 0.5 * (moved[p] * moved[p]) * bend;
        }
}
