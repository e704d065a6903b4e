/* Gaussians through short cuts (numerics/profiles1d.py). Cuts are [cut, samples]; parameters [cut, 4]: centre, sigma,
   height, base. */
#include "kernels.h"

static const double ROOT_HALF = 0.70710678118654752440, NORM = 0.39894228040143267794; /* 1/sqrt(2), 1/sqrt(2 pi) */

/* Share of a unit Gaussian in the sample about `position`; and, unless slope is NULL, the densities' part of its
   derivatives by centre and by sigma. */
static inline double area_of(double position, double centre, double sigma, double *slope, double *spread)
{
    const double low = (position - 0.5 - centre) / sigma, high = (position + 0.5 - centre) / sigma;
    if (slope) {
        const double below = exp(-0.5 * low * low) * NORM, above = exp(-0.5 * high * high) * NORM;
        *slope = above - below;
        *spread = high * above - low * below;
    }
    return 0.5 * (erf(high * ROOT_HALF) - erf(low * ROOT_HALF));
}

/* chi2 [active] of the cuts `active`; a sample at the full well has no weight below a brighter model. */
void profiles_chi2(const double *restrict position, const double *restrict flux, const double *restrict weight,
                   const _Bool *restrict is_limit, ptrdiff_t samples, const ptrdiff_t *restrict active, ptrdiff_t n,
                   const double *restrict p, double *restrict chi2)
{
    for (ptrdiff_t c = 0; c < n; c++) {
        const double centre = p[4 * c], sigma = p[4 * c + 1], height = p[4 * c + 2], base = p[4 * c + 3];
        double sum = 0.0;
        for (ptrdiff_t i = active[c] * samples; i < (active[c] + 1) * samples; i++) {
            if (weight[i] == 0.0) continue;
            const double model = height * area_of(position[i], centre, sigma, NULL, NULL) + base;
            if (is_limit[i] && model > flux[i]) continue;
            const double off = flux[i] - model;
            sum += weight[i] * off * off;
        }
        chi2[c] = sum;
    }
}

/* The same, and hessian [active, 4, 4] and gradient [active, 4] of the fit. */
void profiles_normal(const double *restrict position, const double *restrict flux, const double *restrict weight,
                     const _Bool *restrict is_limit, ptrdiff_t samples, const ptrdiff_t *restrict active, ptrdiff_t n,
                     const double *restrict p, double *restrict chi2, double *restrict hessian, double *restrict gradient)
{
    for (ptrdiff_t c = 0; c < n; c++) {
        const double centre = p[4 * c], sigma = p[4 * c + 1], height = p[4 * c + 2], base = p[4 * c + 3];
        double sum = 0.0, h[4][4] = {{0}}, g[4] = {0};
        for (ptrdiff_t i = active[c] * samples; i < (active[c] + 1) * samples; i++) {
            if (weight[i] == 0.0) continue;
            double slope, spread;
            const double area = area_of(position[i], centre, sigma, &slope, &spread), model = height * area + base;
            if (is_limit[i] && model > flux[i]) continue;
            const double d[4] = {-height * slope / sigma, -height * spread / sigma, area, 1.0};
            const double off = flux[i] - model;
            sum += weight[i] * off * off;
            for (int a = 0; a < 4; a++) {
                const double w = weight[i] * d[a];
                g[a] += w * off;
                for (int b = 0; b <= a; b++) h[a][b] += w * d[b];
            }
        }
        chi2[c] = sum;
        for (int a = 0; a < 4; a++) {
            gradient[4 * c + a] = g[a];
            for (int b = 0; b < 4; b++) hessian[16 * c + 4 * a + b] = a >= b ? h[a][b] : h[b][a];
        }
    }
}
