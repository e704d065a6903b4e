/* Light along the slit (numerics/extended.py). */
#include "kernels.h"

/* sums [3, bin] += over the used of n pixels, by the bin of the slit (from `start`, `step` arcsec wide) that each stands in:
   weights; weighted light above the sky per arcsec; square of the weights times its variance. A pixel counts by floor, sky
   and the part `wrong` of the sky. */
void extended_along(const double *restrict slit, const double *restrict arcsec, const double *restrict data,
                    const double *restrict sky, const double *restrict floor, const double *restrict variance,
                    const _Bool *restrict used, double wrong, double start, double step, ptrdiff_t n, ptrdiff_t bins,
                    double *restrict sums)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        if (!used[i]) continue;
        const double place = rint((slit[i] - start) / step);
        if (!(place >= 0 && place < bins)) continue;
        const ptrdiff_t k = (ptrdiff_t)place;
        const double doubt = wrong * sky[i], per_arcsec = 1.0 / arcsec[i];
        const double weight = 1.0 / (floor[i] + (sky[i] > 0 ? sky[i] : 0.0) + doubt * doubt);
        sums[k] += weight;
        sums[bins + k] += weight * (data[i] - sky[i]) * per_arcsec;
        sums[2 * bins + k] += weight * weight * variance[i] * (per_arcsec * per_arcsec);
    }
}
