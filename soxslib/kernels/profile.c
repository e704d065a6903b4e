/* Light along the slit (numerics/profile.py). */
#include "kernels.h"

/* Light per arcsec at distances from the trace, 0 beyond half_width: cubic [node, power], polynomials of the splines
   between the nodes, `step` apart; scale: of the distances, for each pixel. */
void profile_at(const double *restrict distance, const double *restrict scale, const double *restrict cubic, double step,
                double half_width, double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double scaled = distance[i] / scale[i];
        out[i] = 0.0;
        if (!(fabs(scaled) < half_width)) continue;
        const double at = (scaled + half_width) / step;
        const ptrdiff_t node = (ptrdiff_t)at;
        const double x = at - (double)node, *c = cubic + TAPS * node;
        out[i] = (((c[3] * x + c[2]) * x + c[1]) * x + c[0]) / scale[i];
    }
}

/* Least squares for the splines' coefficients from pixels of weight above 0: left = factor / scale * light at distance.
   bands [offset, coefficient], the upper triangle's diagonals, and vector; with_level [column, coefficient] and sums [2, column]
   are what the coefficients and the light share with a level of each column: all zero at first. Images [rows, columns]. */
void profile_equations(const double *restrict distance, const double *restrict scale, const double *restrict factor,
                       const double *restrict left, const double *restrict weight, double step, double half_width,
                       ptrdiff_t size, double *restrict bands, double *restrict vector, double *restrict with_level,
                       double *restrict sums, ptrdiff_t rows, ptrdiff_t columns)
{
    for (ptrdiff_t i = 0; i < rows * columns; i++) {
        if (!(weight[i] > 0.0)) continue;
        const ptrdiff_t column = i % columns;
        sums[column] += weight[i];
        sums[columns + column] += weight[i] * left[i];
        const double scaled = distance[i] / scale[i];
        if (!(fabs(scaled) < half_width)) continue;
        const double at = (scaled + half_width) / step;
        const ptrdiff_t first = (ptrdiff_t)at;
        const double a = at - (double)first, b = 1.0 - a;
        const double taps[TAPS] = {b * b * b / 6, a * a * (0.5 * a - 1.0) + 2.0 / 3, b * b * (0.5 * b - 1.0) + 2.0 / 3,
                                   a * a * a / 6};
        const double f = factor[i] / scale[i], light = weight[i] * f * left[i], square = weight[i] * f * f;
        for (int q = 0; q < TAPS; q++) {
            vector[first + q] += light * taps[q];
            with_level[column * size + first + q] += weight[i] * f * taps[q];
            for (int r = q; r < TAPS; r++) bands[(r - q) * size + first + q] += square * taps[q] * taps[r];
        }
    }
}

/* out = stretch * (wavelength / reference)^-0.2, by Newton's steps for the inverse fifth root, which need no division. */
WIDE void profile_seeing(const double *restrict wavelength, double reference, double stretch, double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double x = wavelength[i] / reference;
        double y = 1.2 - 0.2 * x;
        for (int step = 0; step < 6; step++) {
            const double y2 = y * y;
            y *= 1.2 - 0.2 * x * (y2 * y2 * y);
        }
        out[i] = stretch * y;
    }
}

/* Counts that each column's light above the sky has with this shape along the slit, and their inverse variance; then how
   the model changes with a parameter whose slope of the shape is given, and the light left, both beside what such counts
   could explain. Images [rows, columns]; weight 0: not read; sums [3, columns] zero at first; by_parameter holds the
   slope at first, left the light. */
WIDE void profile_beside(const double *restrict shape, const double *restrict weight, const double *restrict counts,
                         ptrdiff_t rows, ptrdiff_t columns, double *restrict by_parameter, double *restrict left,
                         double *restrict sums)
{
    double *information = sums, *light = sums + columns, *bend = sums + 2 * columns;
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t j = 0, i = row * columns; j < columns; j++, i++) {
            const double weighted = weight[i] > 0.0 ? weight[i] * shape[i] : 0.0;
            left[i] = weight[i] > 0.0 ? left[i] : 0.0;
            information[j] += weighted * shape[i];
            light[j] += weighted * left[i];
            bend[j] += weighted * by_parameter[i];
        }
    for (ptrdiff_t j = 0; j < columns; j++) {
        const double safe = information[j] > 1e-300 ? information[j] : 1e-300;
        light[j] /= safe;
        bend[j] /= safe;
    }
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t j = 0, i = row * columns; j < columns; j++, i++) {
            by_parameter[i] = counts[i] * (by_parameter[i] - shape[i] * bend[j]);
            left[i] = weight[i] > 0.0 ? left[i] - shape[i] * light[j] : 0.0;
        }
}
