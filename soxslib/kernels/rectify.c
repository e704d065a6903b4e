/* Sharing of pixels' counts between the bins of a straight image (numerics/rectify.py).

   Arrays of pixels are [row, column], rows x columns of them; bins are [slit position, wavelength]. A grid along one axis
   has `n` bins of width `step` from `start` on. */
#include "kernels.h"

enum { SUMS = 4 }; /* of each bin: flux, variance, area of all pixels, area of worthless pixels */

typedef struct {
    ptrdiff_t first, last; /* bins touched, within the grid */
    double low, high;      /* edges of the pixel, in bins */
    double share;          /* of the pixel in a bin that it covers */
} Reach;

/* Slope of a map at element i of n that stand `stride` apart, as numpy.gradient takes it; without its sign. */
static double extent(const double *map, ptrdiff_t i, ptrdiff_t n, ptrdiff_t stride)
{
    if (i == 0) return fabs(map[stride] - map[0]);
    if (i == n - 1) return fabs(map[0] - map[-stride]);
    return fabs(0.5 * (map[stride] - map[-stride]));
}

static Reach reach_of(double centre, double extent, double start, double step, ptrdiff_t n)
{
    const double low = (centre - extent / 2 - start) / step, high = (centre + extent / 2 - start) / step;
    Reach r = {0, -1, low, high, 1.0 / (high - low)};
    if (high > 0 && low < n) {
        r.first = low > 0 ? (ptrdiff_t)low : 0;
        r.last = high < n ? (ptrdiff_t)ceil(high) - 1 : n - 1;
    }
    return r;
}

/* Part of the pixel that falls in a bin. */
static double part_of(const Reach *r, ptrdiff_t bin)
{
    const double low = r->low > bin ? r->low : bin, high = r->high < bin + 1 ? r->high : bin + 1;
    return high > low ? (high - low) * r->share : 0.0;
}

/* The bins that pixel p reaches along the slit (s) and along the wavelength (w), and its area; 0 where it has none. */
static double reaches(const double *wavelength, const double *slit, ptrdiff_t row, ptrdiff_t column, ptrdiff_t rows,
                      ptrdiff_t columns, const double *grids, ptrdiff_t n_s, ptrdiff_t n_w, Reach *s, Reach *w)
{
    const ptrdiff_t p = row * columns + column;
    if (!isfinite(wavelength[p]) || !isfinite(slit[p])) return 0.0;
    const double width = extent(wavelength + p, column, columns, 1), height = extent(slit + p, row, rows, columns);
    if (!(isfinite(width) && isfinite(height) && width > 0 && height > 0)) return 0.0;
    *s = reach_of(slit[p], height, grids[0], grids[1], n_s);
    *w = reach_of(wavelength[p], width, grids[2], grids[3], n_w);
    return width * height;
}

/* sums [slit bin, wavelength bin, SUMS] += what every pixel puts into the bins; worthless: pixels that only have an area.
   grids: start and step of the slit's bins, of the wavelength's. */
void rectify_sums(const double *restrict flux, const double *restrict variance, const _Bool *restrict worthless,
                  const double *restrict wavelength, const double *restrict slit, ptrdiff_t rows, ptrdiff_t columns,
                  const double *restrict grids, ptrdiff_t n_s, ptrdiff_t n_w, double *restrict sums)
{
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t column = 0; column < columns; column++) {
            const ptrdiff_t p = row * columns + column;
            Reach s, w;
            const double area = reaches(wavelength, slit, row, column, rows, columns, grids, n_s, n_w, &s, &w);
            if (area == 0.0) continue;
            const double f = worthless[p] ? 0.0 : flux[p], v = worthless[p] ? 0.0 : variance[p];
            const double bad_area = worthless[p] ? area : 0.0;
            for (ptrdiff_t i = s.first; i <= s.last; i++) {
                const double beside = part_of(&s, i);
                for (ptrdiff_t j = w.first; j <= w.last; j++) {
                    const double part = beside * part_of(&w, j);
                    double *bin = sums + SUMS * (i * n_w + j);
                    bin[0] += part * f;
                    bin[1] += part * part * v;
                    bin[2] += part * area;
                    bin[3] += part * bad_area;
                }
            }
        }
}

/* flux, variance [bin] of sums [bin, SUMS], as if all of a bin's pixels were like its good ones, at most `most_fill` times
   what these hold; bad_share, area [bin]: part of the pixels' area that is of worthless ones, and all of it. */
void rectify_filled(const double *restrict sums, ptrdiff_t bins, double most_fill, float *restrict flux,
                    float *restrict variance, double *restrict bad_share, double *restrict area)
{
    for (ptrdiff_t i = 0; i < bins; i++) {
        const double *sum = sums + SUMS * i, bad = sum[3];
        double good = sum[2] - bad;
        if (good < 1e-9 * sum[2]) good = 0.0; /* rounding of a bin that only worthless pixels touch */
        double fill = good > 0 ? (good + bad) / good : 1.0;
        if (fill > most_fill) fill = most_fill;
        flux[i] = (float)(sum[0] * fill);
        variance[i] = (float)(sum[1] * (fill * fill));
        area[i] = good + bad;
        bad_share[i] = area[i] > 0 ? bad / area[i] : 0.0;
    }
}

/* out [slit bin, wavelength bin] |= bits of the pixels that reach a bin, those of worthless pixels only where bad_share
   of the bin is above `flag_share`; a worthless pixel without a bit counts as `unnamed`. */
void rectify_flags(const uint16_t *restrict bits, const _Bool *restrict worthless, const double *restrict wavelength,
                   const double *restrict slit, ptrdiff_t rows, ptrdiff_t columns, const double *restrict grids,
                   ptrdiff_t n_s, ptrdiff_t n_w, const double *restrict bad_share, double flag_share, ptrdiff_t unnamed,
                   uint16_t *restrict out)
{
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t column = 0; column < columns; column++) {
            const ptrdiff_t p = row * columns + column;
            Reach s, w;
            if (!worthless[p] && bits[p] == 0) continue;
            if (reaches(wavelength, slit, row, column, rows, columns, grids, n_s, n_w, &s, &w) == 0.0) continue;
            const uint16_t told = bits[p] ? bits[p] : (uint16_t)unnamed;
            for (ptrdiff_t i = s.first; i <= s.last; i++)
                for (ptrdiff_t j = w.first; j <= w.last; j++) {
                    const ptrdiff_t bin = i * n_w + j;
                    if (part_of(&s, i) * part_of(&w, j) > 1e-6 && (!worthless[p] || bad_share[bin] > flag_share))
                        out[bin] |= told;
                }
        }
}
