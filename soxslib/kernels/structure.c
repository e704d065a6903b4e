/* Frames without light: structure and noise (numerics/structure.py). Images are [ny, nx]. */
#include "kernels.h"

enum { LANES = 8 }; /* partial sums that are added at once */

/* sums [rows of blocks, columns of blocks]: of the good pixels less the profiles of rows [ny] and columns [nx]. tops,
   lefts: first row and column of each block, and where the last ends. line: nx. */
WIDE void structure_blocks(const float *restrict image, const _Bool *restrict good, const double *restrict rows,
                           const double *restrict columns, const ptrdiff_t *restrict tops, ptrdiff_t high,
                           const ptrdiff_t *restrict lefts, ptrdiff_t wide, double *restrict line, double *restrict sums)
{
    const ptrdiff_t nx = lefts[wide];
    for (ptrdiff_t b = 0; b < high; b++) {
        for (ptrdiff_t x = 0; x < nx; x++) line[x] = 0.0;
        for (ptrdiff_t y = tops[b]; y < tops[b + 1]; y++) {
            const float *restrict pixel = image + y * nx;
            const _Bool *restrict is_good = good + y * nx;
            for (ptrdiff_t x = 0; x < nx; x++) {
                const float value = pixel[x] - (float)(rows[y] + columns[x]);
                line[x] += is_good[x] ? value : 0.0f;
            }
        }
        for (ptrdiff_t c = 0; c < wide; c++) {
            double sum = 0.0;
            for (ptrdiff_t x = lefts[c]; x < lefts[c + 1]; x++) sum += line[x];
            sums[b * wide + c] = sum;
        }
    }
}

/* out: linear interpolation along axis 1 of values [ny, nodes]: of the nodes low [nx] and the next by share [nx]. */
WIDE void structure_interpolate(const double *restrict values, ptrdiff_t nodes, const ptrdiff_t *restrict low,
                                const double *restrict share, ptrdiff_t ny, ptrdiff_t nx, float *restrict out)
{
    for (ptrdiff_t y = 0; y < ny; y++) {
        const double *restrict v = values + y * nodes;
        for (ptrdiff_t x = 0; x < nx; x++)
            out[y * nx + x] = (float)((1.0 - share[x]) * v[low[x]] + share[x] * v[low[x] + 1]);
    }
}

/* sums [nx]: of the good pixels of each column less the model and the profile of the rows [ny]. */
WIDE void structure_columns(const float *restrict image, const float *restrict model, const _Bool *restrict good,
                            const double *restrict rows, ptrdiff_t ny, ptrdiff_t nx, double *restrict sums)
{
    for (ptrdiff_t x = 0; x < nx; x++) sums[x] = 0.0;
    for (ptrdiff_t y = 0; y < ny; y++)
        for (ptrdiff_t x = 0; x < nx; x++) {
            const double value = (double)(image[y * nx + x] - model[y * nx + x]) - rows[y];
            sums[x] += good[y * nx + x] ? value : 0.0;
        }
}

/* sums [ny]: of the good pixels of each row less the model and the profile of the columns [nx]. */
WIDE void structure_rows(const float *restrict image, const float *restrict model, const _Bool *restrict good,
                         const double *restrict columns, ptrdiff_t ny, ptrdiff_t nx, double *restrict sums)
{
    for (ptrdiff_t y = 0; y < ny; y++) {
        const float *restrict pixel = image + y * nx, *restrict smooth = model + y * nx;
        const _Bool *restrict is_good = good + y * nx;
        double part[LANES] = {0}, total = 0.0;
        ptrdiff_t x = 0;
        for (; x + LANES <= nx; x += LANES)
            for (ptrdiff_t k = 0; k < LANES; k++) {
                const double value = (double)(pixel[x + k] - smooth[x + k]) - columns[x + k];
                part[k] += is_good[x + k] ? value : 0.0;
            }
        for (; x < nx; x++) total += is_good[x] ? (double)(pixel[x] - smooth[x]) - columns[x] : 0.0;
        for (ptrdiff_t k = 0; k < LANES; k++) total += part[k];
        sums[y] = total;
    }
}

/* Of n pixels: residual from the model, variance expected of it, and of the pixel, whose own signal counts where it
   stands out by keep_sigma. count: frames in each. */
WIDE void structure_noise(const float *restrict mean, const float *restrict model, const float *restrict count, ptrdiff_t n,
                          double read_variance, double integrations, double keep_sigma, float *restrict residual,
                          float *restrict expected, float *restrict variance)
{
    const float read = (float)read_variance, each = (float)integrations, keep = (float)keep_sigma;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float r = mean[i] - model[i];
        const float e = (read + (model[i] > 0.0f ? model[i] : 0.0f) / each) / count[i];
        const float own = (read + (mean[i] > 0.0f ? mean[i] : 0.0f) / each) / count[i];
        residual[i] = r;
        expected[i] = e;
        variance[i] = fabsf(r) > keep * sqrtf(e) ? own : e;
    }
}

/* sums [2]: number of the good pixels within keep_sigma of the model, and what they scatter more than their variance. */
WIDE void structure_excess(const float *restrict residual, const float *restrict variance, const _Bool *restrict good,
                           ptrdiff_t n, double keep_sigma, double intrinsic, double *restrict sums)
{
    const float keep = (float)keep_sigma, more = (float)intrinsic;
    double count[LANES] = {0}, excess[LANES] = {0};
    for (ptrdiff_t i = 0; i < n; i += LANES)
        for (ptrdiff_t k = 0; k < LANES; k++) {
            const ptrdiff_t j = i + k < n ? i + k : n - 1;
            const float r = residual[j], v = variance[j];
            const float core = good[j] && i + k < n ? 1.0f : 0.0f;
            const float is_core = fabsf(r) > keep * sqrtf(v + more) ? 0.0f : core;
            count[k] += is_core;
            excess[k] += is_core * (r * r - v);
        }
    sums[0] = sums[1] = 0.0;
    for (ptrdiff_t k = 0; k < LANES; k++) {
        sums[0] += count[k];
        sums[1] += excess[k];
    }
}

/* flux and its variance [n] between measurement and model: see `shrunk`. before: the scatter by which pixels were kept. */
WIDE void structure_shrink(const float *restrict model, const float *restrict residual, const float *restrict variance,
                           ptrdiff_t n, double keep_sigma, double before, double intrinsic, double model_variance,
                           float *restrict flux, float *restrict out_variance)
{
    const float keep = (float)keep_sigma, more = (float)before, own = (float)intrinsic, of_model = (float)model_variance;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float r = residual[i], v = variance[i];
        const float shared = own / (own + v);
        const float w = fabsf(r) > keep * sqrtf(v + more) ? 1.0f : shared;
        flux[i] = model[i] + w * r;
        out_variance[i] = w * v + (1.0f - w) * of_model;
    }
}
