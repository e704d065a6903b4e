/* From counts to electrons (numerics/detector.py). */
#include "kernels.h"

/* In place, for n pixels: flux -= weight * dark; floor += what the dark's own noise and its charge's add to the variance;
   quality |= the dark's. */
WIDE void detector_less_dark(float *restrict flux, float *restrict floor, uint16_t *restrict quality,
                             const float *restrict dark, const float *restrict variance, const uint16_t *restrict bits,
                             double weight, double integrations, ptrdiff_t n)
{
    const float w = (float)weight, ndit = (float)integrations;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float charge = dark[i] > 0 ? dark[i] : 0.0f;
        flux[i] = flux[i] - w * dark[i];
        floor[i] = floor[i] + w * w * variance[i] + w * charge / ndit;
        quality[i] |= bits[i];
    }
}
