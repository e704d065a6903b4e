/* Medians of many short columns at once (numerics/filters.py). */
#include "kernels.h"

enum { LANES = 32 }; /* columns sorted side by side; with fewer, compilers unroll the loop over them and no longer use wide registers */

/* Sorts v [n, LANES] along its first axis: Batcher's odd-even merging (1968, AFIPS 32, 307), the same exchanges whatever
   the values are. */
static inline void sort_lanes(double (*restrict v)[LANES], ptrdiff_t n)
{
    for (ptrdiff_t p = 1; p < n; p *= 2)
        for (ptrdiff_t k = p; k >= 1; k /= 2)
            for (ptrdiff_t j = k % p; j + k < n; j += 2 * k)
                for (ptrdiff_t i = j; i < j + k && i + k < n; i++) {
                    if ((i ^ (i + k)) & -(2 * p)) continue; /* not of the same 2 p */
                    double *restrict low = v[i], *restrict high = v[i + k];
                    for (int x = 0; x < LANES; x++) {
                        const double a = low[x], b = high[x];
                        low[x] = a < b ? a : b;
                        high[x] = a < b ? b : a;
                    }
                }
}

/* out [nx]: median of the used values of each column of values [ny, nx]; of an even number the mean of the two in the
   middle, NaN where none is used. used [ny, nx], or nothing is left out (masked = 0). buffer: LANES ny. */
WIDE void medians_of_columns(const double *restrict values, const _Bool *restrict used, ptrdiff_t masked,
                             ptrdiff_t ny, ptrdiff_t nx, double *restrict buffer, double *restrict out)
{
    double (*restrict v)[LANES] = (double (*)[LANES])buffer;
    for (ptrdiff_t first = 0; first < nx; first += LANES) {
        const int width = (int)(nx - first < LANES ? nx - first : LANES);
        ptrdiff_t count[LANES] = {0};
        for (ptrdiff_t y = 0; y < ny; y++) {
            const double *restrict row = values + y * nx + first;
            const _Bool *restrict mask = used + (masked ? y * nx + first : 0);
            if (masked)
                for (int x = 0; x < width; x++) {
                    const double value = row[x];
                    v[y][x] = mask[x] ? value : INFINITY;
                    count[x] += mask[x];
                }
            else
                for (int x = 0; x < width; x++) v[y][x] = row[x];
            for (int x = width; x < LANES; x++) v[y][x] = 0.0;
        }
        sort_lanes(v, ny);
        for (int x = 0; x < width; x++) {
            const ptrdiff_t n = masked ? count[x] : ny;
            out[first + x] = n == 0 ? NAN : n % 2 ? v[n / 2][x] : 0.5 * (v[n / 2 - 1][x] + v[n / 2][x]);
        }
    }
}

/* out [ny, nx]: median of five neighbours along each row, mirrored at its ends. buffer: nx + 4. */
WIDE void medians_of_five(const double *restrict image, ptrdiff_t ny, ptrdiff_t nx, double *restrict buffer,
                          double *restrict out)
{
    for (ptrdiff_t y = 0; y < ny; y++) {
        const double *restrict row = image + y * nx;
        for (ptrdiff_t x = 0; x < nx; x++) buffer[x + 2] = row[x];
        for (ptrdiff_t k = 0; k < 2; k++) { /* of a single pixel, the one there is */
            buffer[1 - k] = row[k < nx ? k : nx - 1];
            buffer[nx + 2 + k] = row[nx - 1 - k >= 0 ? nx - 1 - k : 0];
        }
        for (ptrdiff_t x = 0; x < nx; x++) {
            const double a = buffer[x], b = buffer[x + 1], c = buffer[x + 2], d = buffer[x + 3], e = buffer[x + 4];
            const double ab = a < b ? a : b, AB = a < b ? b : a, cd = c < d ? c : d, CD = c < d ? d : c;
            /* neither the smaller of the smaller ends nor the larger of the larger is the median; nor of what then is left */
            const double p = ab > cd ? ab : cd, q = AB < CD ? AB : CD;
            const double low = p < q ? p : q, high = p < q ? q : p, top = high < e ? high : e;
            out[y * nx + x] = low > top ? low : top;
        }
    }
}
