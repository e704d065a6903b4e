/* Light between the orders (numerics/background.py). Images are [ny, nx]. */
#include "kernels.h"

enum { CHUNK = 64 };

/* sums [4, high, wide] over blocks of the used pixels: of weight, and of weight times flux, row and column. tops, lefts:
   first row and column of each block, and where the last ends. lines: 3 nx. */
WIDE void background_blocks(const float *restrict flux, const float *restrict variance, const _Bool *restrict used,
                            const ptrdiff_t *restrict tops, ptrdiff_t high, const ptrdiff_t *restrict lefts, ptrdiff_t wide,
                            double *restrict lines, double *restrict sums)
{
    const ptrdiff_t nx = lefts[wide], blocks = high * wide;
    double *restrict weights = lines, *restrict light = lines + nx, *restrict rows = lines + 2 * nx;
    for (ptrdiff_t b = 0; b < high; b++) {
        for (ptrdiff_t x = 0; x < 3 * nx; x++) lines[x] = 0.0;
        for (ptrdiff_t y = tops[b]; y < tops[b + 1]; y++) {
            const float *restrict f = flux + y * nx, *restrict v = variance + y * nx;
            const _Bool *restrict is_used = used + y * nx;
            for (ptrdiff_t x = 0; x < nx; x++) {
                const float w = is_used[x] ? 1.0f / v[x] : 0.0f, value = is_used[x] ? f[x] : 0.0f;
                weights[x] += w;
                light[x] += (double)w * value;
                rows[x] += (double)w * (double)y;
            }
        }
        for (ptrdiff_t c = 0; c < wide; c++) {
            double sum[4] = {0};
            for (ptrdiff_t x = lefts[c]; x < lefts[c + 1]; x++) {
                sum[0] += weights[x];
                sum[1] += light[x];
                sum[2] += rows[x];
                sum[3] += weights[x] * (double)x;
            }
            for (ptrdiff_t k = 0; k < 4; k++) sums[k * blocks + b * wide + c] = sum[k];
        }
    }
}

/* Which of the used pixels are within clip of their noise of the model: kept, brought up to date; with what that changes
   of sums [4, high, wide]. block_row [ny], block_column [nx]: the block of each. changed [1]: how many. */
void background_clip(const float *restrict flux, const float *restrict variance, const _Bool *restrict used,
                     const float *restrict model, double clip, const ptrdiff_t *restrict block_row,
                     const ptrdiff_t *restrict block_column, ptrdiff_t wide, ptrdiff_t blocks, ptrdiff_t ny, ptrdiff_t nx,
                     _Bool *restrict kept, double *restrict sums, ptrdiff_t *restrict changed)
{
    *changed = 0;
    const float sigma = (float)clip;
    for (ptrdiff_t y = 0; y < ny; y++)
        for (ptrdiff_t first = 0; first < nx; first += CHUNK) {
            const ptrdiff_t n = nx - first < CHUNK ? nx - first : CHUNK, at = y * nx + first;
            int other[CHUNK], any = 0; /* few change: which, is found in wide registers */
            for (ptrdiff_t k = 0; k < n; k++) {
                const int still = fabsf(flux[at + k] - model[at + k]) < sigma * sqrtf(variance[at + k]);
                other[k] = used[at + k] & (still != kept[at + k]);
                any |= other[k];
            }
            if (!any) continue;
            for (ptrdiff_t k = 0; k < n; k++) {
                if (!other[k]) continue;
                const ptrdiff_t i = at + k, x = first + k;
                kept[i] = !kept[i];
                const double w = (kept[i] ? 1.0 : -1.0) / (double)variance[i];
                double *restrict sum = sums + block_row[y] * wide + block_column[x];
                sum[0] += w;
                sum[blocks] += w * (double)flux[i];
                sum[2 * blocks] += w * (double)y;
                sum[3 * blocks] += w * (double)x;
                ++*changed;
            }
        }
}

/* sums [2, ny] of the used pixels of each row: of weight, and of weight times the flux less the model. */
WIDE void background_rows(const float *restrict residual, const float *restrict variance, const _Bool *restrict used,
                          ptrdiff_t ny, ptrdiff_t nx, double *restrict sums)
{
    enum { LANES = 8 };
    for (ptrdiff_t y = 0; y < ny; y++) {
        double weight[LANES] = {0}, light[LANES] = {0}, total = 0.0, product = 0.0;
        const float *restrict r = residual + y * nx, *restrict v = variance + y * nx;
        const _Bool *restrict is_used = used + y * nx;
        ptrdiff_t x = 0;
        for (; x + LANES <= nx; x += LANES)
            for (ptrdiff_t k = 0; k < LANES; k++) {
                const float w = is_used[x + k] ? 1.0f / v[x + k] : 0.0f, value = is_used[x + k] ? r[x + k] : 0.0f;
                weight[k] += w;
                light[k] += (double)w * value;
            }
        for (; x < nx; x++)
            if (is_used[x]) {
                total += 1.0f / v[x];
                product += (double)(1.0f / v[x]) * r[x];
            }
        for (ptrdiff_t k = 0; k < LANES; k++) {
            total += weight[k];
            product += light[k];
        }
        sums[y] = total;
        sums[ny + y] = product;
    }
}

/* out: linear interpolation along both axes of coarse [.., wide]: between nodes low_y [ny], low_x [nx] and the next by
   their shares, and never below least. line: wide. */
WIDE void background_interpolate(const double *restrict coarse, ptrdiff_t wide, const ptrdiff_t *restrict low_y,
                                 const double *restrict share_y, const ptrdiff_t *restrict low_x,
                                 const double *restrict share_x, ptrdiff_t ny, ptrdiff_t nx, double least,
                                 double *restrict line, float *restrict out)
{
    for (ptrdiff_t y = 0; y < ny; y++) {
        const double *restrict above = coarse + low_y[y] * wide, *restrict below = above + wide;
        for (ptrdiff_t k = 0; k < wide; k++) line[k] = (1.0 - share_y[y]) * above[k] + share_y[y] * below[k];
        for (ptrdiff_t x = 0; x < nx; x++) {
            const double value = (1.0 - share_x[x]) * line[low_x[x]] + share_x[x] * line[low_x[x] + 1];
            out[y * nx + x] = (float)(value > least ? value : least);
        }
    }
}
