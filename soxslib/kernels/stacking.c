/* Repeated frames, pixel by pixel (numerics/stacking.py, numerics/flatstack.py). Images are given by their addresses. */
#include <string.h>

#include "kernels.h"

enum { PART = 256 }; /* pixels worked on at once */

/* Median of n values at each pixel of a part; v [n, PART] is used up. Of half the values and two, neither the least nor
   the largest can be the median: both go, the next comes. */
static inline const float *part_median(float *v, ptrdiff_t n, float **held)
{
    ptrdiff_t next = n / 2 + 2 < n ? n / 2 + 2 : n, m = next;
    for (ptrdiff_t i = 0; i < m; i++) held[i] = v + i * PART;
    while (m > 2) {
        for (ptrdiff_t i = 1; i < m; i++) { /* the least comes first, the largest last */
            float *restrict low = held[0], *restrict high = held[i];
            for (ptrdiff_t x = 0; x < PART; x++) {
                const float a = low[x], b = high[x];
                low[x] = a < b ? a : b;
                high[x] = a < b ? b : a;
            }
        }
        for (ptrdiff_t i = 1; i < m - 1; i++) {
            float *restrict low = held[i], *restrict high = held[m - 1];
            for (ptrdiff_t x = 0; x < PART; x++) {
                const float a = low[x], b = high[x];
                low[x] = a < b ? a : b;
                high[x] = a < b ? b : a;
            }
        }
        for (ptrdiff_t i = 1; i < m - 1; i++) held[i - 1] = held[i];
        m -= 2;
        if (next < n) held[m++] = v + PART * next++;
    }
    if (m == 2)
        for (ptrdiff_t x = 0; x < PART; x++) held[0][x] = (held[0][x] + held[1][x]) / 2.0f;
    return held[0];
}

/* Part of an image of `size` pixels from `first` on; beyond its end zeros. */
static inline ptrdiff_t get_part(const float *restrict image, ptrdiff_t first, ptrdiff_t size, float *restrict part)
{
    const ptrdiff_t n = size - first < PART ? size - first : PART;
    memcpy(part, image + first, n * sizeof *part);
    for (ptrdiff_t x = n; x < PART; x++) part[x] = 0.0f;
    return n;
}

/* out [size]: median over n images. buffer: PART n. */
WIDE void stacking_median(const uintptr_t *restrict images, ptrdiff_t n, ptrdiff_t size, float *restrict buffer,
                          float *restrict out)
{
    float *held[n];
    for (ptrdiff_t first = 0; first < size; first += PART) {
        ptrdiff_t width = 0;
        for (ptrdiff_t i = 0; i < n; i++) width = get_part((const float *)images[i], first, size, buffer + i * PART);
        memcpy(out + first, part_median(buffer, n, held), width * sizeof *out);
    }
}

/* mean, count, excess [size] of n images, two or more: of each value the noise is read_variance + signal; left out are
   those `clip` of it from the median (of two: above the lower). buffer: 2 PART n. */
WIDE void stacking_mean(const uintptr_t *restrict images, ptrdiff_t n, ptrdiff_t size, double read_variance, double clip,
                        double widening, float *restrict buffer, float *restrict mean, float *restrict count,
                        float *restrict excess)
{
    float *held[n], *values = buffer, *copy = buffer + PART * n;
    const float read = (float)read_variance, sigma = (float)clip, wide = (float)widening;
    for (ptrdiff_t first = 0; first < size; first += PART) {
        ptrdiff_t width = 0;
        for (ptrdiff_t i = 0; i < n; i++) width = get_part((const float *)images[i], first, size, values + i * PART);
        memcpy(copy, values, n * PART * sizeof *copy);
        const float *restrict reference = copy;
        if (n == 2)
            for (ptrdiff_t x = 0; x < PART; x++) copy[x] = copy[x] < copy[PART + x] ? copy[x] : copy[PART + x];
        else
            reference = part_median(copy, n, held);
        float variance[PART], limit[PART], total[PART], kept[PART], chi2[PART];
        for (ptrdiff_t x = 0; x < PART; x++) {
            variance[x] = (reference[x] > 0.0f ? reference[x] : 0.0f) + read;
            limit[x] = sigma * sqrtf(variance[x] * wide);
            total[x] = kept[x] = chi2[x] = 0.0f;
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            const float *restrict value = values + i * PART;
            for (ptrdiff_t x = 0; x < PART; x++) {
                const float residual = value[x] - reference[x];
                const int is_kept = fabsf(residual) <= limit[x];
                total[x] += is_kept ? value[x] : 0.0f;
                kept[x] += is_kept ? 1.0f : 0.0f;
                chi2[x] += is_kept ? residual * residual / variance[x] : 0.0f;
            }
        }
        for (ptrdiff_t x = 0; x < width; x++) {
            const float k = kept[x] > 1.0f ? kept[x] : 1.0f, freedom = k - 1.0f > 1.0f ? k - 1.0f : 1.0f;
            mean[first + x] = kept[x] > 0.0f ? total[x] / k : reference[x];
            count[first + x] = k;
            excess[first + x] = n > 2 ? chi2[x] / freedom : 0.0f;
        }
    }
}

/* mean, floor, light, count [size] of n flats with floors and masks (true where they must not be read), of relative
   brightness scales [n]: see stack_flats. buffer: PART n. */
WIDE void stacking_flats(const uintptr_t *restrict images, const uintptr_t *restrict floors,
                         const uintptr_t *restrict masks, const float *restrict scales, ptrdiff_t n, ptrdiff_t size,
                         double clip, double ratio, float *restrict buffer, float *restrict mean, float *restrict floor,
                         float *restrict light, float *restrict count)
{
    float *held[n];
    const float sigma = (float)clip, part = (float)ratio;
    for (ptrdiff_t first = 0; first < size; first += PART) {
        ptrdiff_t width = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            float *restrict value = buffer + i * PART;
            width = get_part((const float *)images[i], first, size, value);
            for (ptrdiff_t x = 0; x < PART; x++) value[x] = value[x] / scales[i];
        }
        const float *restrict reference = buffer;
        if (n == 2)
            for (ptrdiff_t x = 0; x < PART; x++) buffer[x] = buffer[x] < buffer[PART + x] ? buffer[x] : buffer[PART + x];
        else if (n > 2)
            reference = part_median(buffer, n, held);
        float total[PART] = {0}, weight[PART] = {0}, dark[PART] = {0}, kept[PART] = {0};
        for (ptrdiff_t i = 0; i < n; i++) {
            const _Bool *restrict mask = (const _Bool *)masks[i] + first;
            float flux[PART], own[PART], good[PART];
            get_part((const float *)images[i], first, size, flux);
            get_part((const float *)floors[i], first, size, own);
            for (ptrdiff_t x = 0; x < width; x++) good[x] = mask[x] ? 0.0f : 1.0f;
            for (ptrdiff_t x = width; x < PART; x++) good[x] = 0.0f;
            const float scale = scales[i];
            for (ptrdiff_t x = 0; x < PART; x++) {
                const float r = reference[x], f = own[x], value = flux[x];
                const float noise = sqrtf(2.0f * (f / (scale * scale) + (r > 0.0f ? r : 0.0f) / scale));
                const float limit = sigma * noise + part * fabsf(r);
                const float is_kept = value / scale - r > limit ? 0.0f : good[x];
                total[x] += is_kept > 0.0f ? value : 0.0f;
                weight[x] += is_kept > 0.0f ? scale : 0.0f;
                dark[x] += is_kept > 0.0f ? f : 0.0f;
                kept[x] += is_kept;
            }
        }
        for (ptrdiff_t x = 0; x < width; x++) {
            const float safe = weight[x] > 0.0f ? weight[x] : 1.0f;
            mean[first + x] = weight[x] > 0.0f ? total[x] / safe : reference[x];
            floor[first + x] = dark[x] / (safe * safe);
            light[first + x] = safe;
            count[first + x] = kept[x];
        }
    }
}
