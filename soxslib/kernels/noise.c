/* The noise model and the measure of noise (numerics/noise.py). */
#include <string.h>

#include "kernels.h"

enum { LANES = 8 }; /* partial sums that are added at once */

/* Sums of pixels (and of their squares, unless square is NULL) over the rows within `half` of row y, those beyond the
   border repeated; [nx + 2 half], with the edge columns repeated too. */
static inline void rows_sum(const float *restrict image, ptrdiff_t ny, ptrdiff_t nx, ptrdiff_t y, ptrdiff_t half,
                            float *restrict sum, float *restrict square)
{
    for (ptrdiff_t k = -half; k <= half; k++) {
        const ptrdiff_t at = y + k < 0 ? 0 : y + k >= ny ? ny - 1 : y + k;
        const float *restrict row = image + at * nx;
        if (k == -half) {
            for (ptrdiff_t x = 0; x < nx; x++) sum[half + x] = row[x];
            if (square) for (ptrdiff_t x = 0; x < nx; x++) square[half + x] = row[x] * row[x];
        } else {
            for (ptrdiff_t x = 0; x < nx; x++) sum[half + x] += row[x];
            if (square) for (ptrdiff_t x = 0; x < nx; x++) square[half + x] += row[x] * row[x];
        }
    }
    for (ptrdiff_t x = 0; x < half; x++) {
        sum[x] = sum[half];
        sum[half + nx + x] = sum[half + nx - 1];
        if (square) square[x] = square[half];
        if (square) square[half + nx + x] = square[half + nx - 1];
    }
}

/* Mean over `size` columns of what rows_sum has made, and over as many rows. */
static inline void columns_mean(const float *restrict sum, ptrdiff_t nx, ptrdiff_t size, float *restrict out)
{
    const float scale = (float)(1.0 / (double)(size * size));
    for (ptrdiff_t x = 0; x < nx; x++) out[x] = sum[x];
    for (ptrdiff_t k = 1; k < size; k++)
        for (ptrdiff_t x = 0; x < nx; x++) out[x] += sum[k + x];
    for (ptrdiff_t x = 0; x < nx; x++) out[x] *= scale;
}

/* out [ny, nx]: mean of size x size pixels. buffer: nx + size. */
WIDE void noise_box_mean(const float *restrict image, ptrdiff_t ny, ptrdiff_t nx, ptrdiff_t size, float *restrict buffer,
                         float *restrict out)
{
    for (ptrdiff_t y = 0; y < ny; y++) {
        rows_sum(image, ny, nx, y, size / 2, buffer, NULL);
        columns_mean(buffer, nx, size, out + y * nx);
    }
}

/* out [ny, nx]: variance of the pixels of flux. floor [ny, nx]; per_electron: 1 / integrations of each pixel, or one row
   for all (each = 0). buffer: 2 (nx + size) + 2 nx. */
WIDE void noise_model_variance(const float *restrict flux, const float *restrict floor, const float *restrict per_electron,
                               ptrdiff_t each, ptrdiff_t ny, ptrdiff_t nx, ptrdiff_t size, double contrast,
                               float *restrict buffer, float *restrict out)
{
    float *restrict sum = buffer, *restrict square = sum + nx + size;
    float *restrict signal = square + nx + size, *restrict scatter = signal + nx;
    const float c = (float)contrast;
    for (ptrdiff_t y = 0; y < ny; y++) {
        rows_sum(flux, ny, nx, y, size / 2, sum, square);
        columns_mean(sum, nx, size, signal);
        columns_mean(square, nx, size, scatter);
        const float *restrict f = flux + y * nx, *restrict dark = floor + y * nx;
        const float *restrict e = per_electron + (each ? y * nx : 0);
        float *restrict o = out + y * nx;
        for (ptrdiff_t x = 0; x < nx; x++) {
            const float s = signal[x];
            float beyond = scatter[x] - s * s;
            beyond = beyond > 1e-6f ? beyond : 1e-6f;
            const float noise = (s > 0.0f ? s : 0.0f) * e[x] + dark[x];
            float own = 1.0f - c * noise / beyond;
            own = own > 0.0f ? own : 0.0f;
            const float v = (s + own * (f[x] - s)) * e[x] + dark[x];
            const float least = 0.8f * dark[x];
            o[x] = v > least ? v : least;
        }
    }
}

/* core [2]: centre and spread of a distribution, from those given: mean and standard deviation of the values within
   clip * spread of the centre, in rounds; left where fewer than 3 are. */
WIDE void noise_core(const double *restrict values, ptrdiff_t n, double clip, ptrdiff_t rounds, double *restrict core)
{
    for (ptrdiff_t round = 0; round < rounds; round++) {
        const double centre = core[0], limit = clip * core[1];
        double count[LANES] = {0}, sum[LANES] = {0}, square[LANES] = {0};
        ptrdiff_t i = 0;
        for (; i + LANES <= n; i += LANES)
            for (ptrdiff_t k = 0; k < LANES; k++) {
                const double d = values[i + k] - centre;
                const double w = fabs(d) < limit ? 1.0 : 0.0;
                count[k] += w;
                sum[k] += w * d;
                square[k] += w * d * d;
            }
        for (ptrdiff_t k = 0; i < n; i++, k++) {
            const double d = values[i] - centre;
            const double w = fabs(d) < limit ? 1.0 : 0.0;
            count[k] += w;
            sum[k] += w * d;
            square[k] += w * d * d;
        }
        double total = 0.0, shift = 0.0, power = 0.0;
        for (ptrdiff_t k = 0; k < LANES; k++) {
            total += count[k];
            shift += sum[k];
            power += square[k];
        }
        if (total < 3.0) return;
        shift /= total;
        const double variance = power / total - shift * shift;
        core[0] = centre + shift;
        core[1] = sqrt(variance > 0.0 ? variance : 0.0);
    }
}
