/* Fits of spots (numerics/arclines.py): tilted Gaussians integrated over pixels, on a constant. Parameters [spot, 7]: flux,
   along, across, width along, width across, tilt, background. */
#include "kernels.h"

enum { PARAMETERS = 7 };
static const double ROOT_HALF = 0.70710678118654752440, NORM = 0.39894228040143267794; /* 1/sqrt(2), 1/sqrt(2 pi) */

/* Light of a unit Gaussian in each of n pixels, and its derivatives by centre and by width. */
static inline void profile(ptrdiff_t n, double centre, double width, double *restrict light, double *restrict by_centre,
                           double *restrict by_width)
{
    double edge = (-0.5 - centre) / width, density = exp(-0.5 * edge * edge) * NORM / width;
    double cumulative = 0.5 * erf(edge * ROOT_HALF);
    for (ptrdiff_t i = 0; i < n; i++) {
        const double edge1 = ((double)i + 0.5 - centre) / width, density1 = exp(-0.5 * edge1 * edge1) * NORM / width;
        const double cumulative1 = 0.5 * erf(edge1 * ROOT_HALF);
        light[i] = cumulative1 - cumulative;
        by_centre[i] = density - density1;
        by_width[i] = density * edge - density1 * edge1;
        edge = edge1;
        density = density1;
        cumulative = cumulative1;
    }
}

static inline double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* Of n spots on stamps [spot, ny, nx]: chi2 [spot], hessian [spot, 7, 7] and gradient [spot, 7] of the fit at p, from the
   pixels of weight > 0; with `first` the weights are made: of good pixels that of the noise, floor + photon_scale * signal. */
void arclines_normal(const double *restrict data, const double *restrict floor, const _Bool *restrict good, ptrdiff_t n,
                     ptrdiff_t ny, ptrdiff_t nx, const double *restrict parameters, double photon_scale, ptrdiff_t first,
                     double *restrict weight, double *restrict chi2, double *restrict hessian, double *restrict gradient)
{
    double y[ny], y_centre[ny], y_width[ny], x[nx], x_centre[nx], x_width[nx];
    for (ptrdiff_t s = 0; s < n; s++) {
        const double *restrict p = parameters + PARAMETERS * s;
        const double flux = p[0], across = p[2], width = p[4], tilt = p[5], base = p[6];
        double sum = 0.0, h[PARAMETERS][PARAMETERS] = {{0}}, g[PARAMETERS] = {0};
        profile(ny, across, width, y, y_centre, y_width);
        for (ptrdiff_t j = 0; j < ny; j++) {
            /* mean and variance of the place of the row's light, in widths from the centre */
            const double low = ((double)j - 0.5 - across) / width, high = ((double)j + 0.5 - across) / width;
            const double total = y[j] > 1e-12 ? y[j] : 1e-12;
            const double mean = within(y_centre[j] * width / total, low, high);
            const double spread = 1.0 + y_width[j] * width / total - mean * mean;
            const double variance = within(spread * width * width, 0.0, 1.0 / 12.0);
            /* d(row's mean)/d(centre) = variance / width^2 - 1, for any distribution cut out of a Gaussian */
            const double drag = tilt * (variance / (width * width) - 1.0);
            profile(nx, p[1] + tilt * mean * width, p[3], x, x_centre, x_width);
            for (ptrdiff_t k = 0; k < nx; k++) {
                const ptrdiff_t i = (s * ny + j) * nx + k;
                const double shape = y[j] * x[k], model = flux * shape + base;
                if (first) {
                    const double light = model - base > 0.0 ? model - base : 0.0;
                    weight[i] = good[i] ? 1.0 / (floor[i] + photon_scale * (light + (base > 0.0 ? base : 0.0))) : 0.0;
                }
                if (weight[i] == 0.0) continue;
                const double moved = flux * y[j] * x_centre[k];
                const double d[PARAMETERS] = {
                    shape,
                    moved,
                    flux * y_centre[j] * x[k] + moved * drag,
                    flux * y[j] * x_width[k],
                    flux * y_width[j] * x[k],
                    moved * mean * width,
                    1.0,
                };
                const double off = data[i] - model;
                sum += weight[i] * off * off;
                for (int a = 0; a < PARAMETERS; a++) {
                    const double w = weight[i] * d[a];
                    g[a] += w * off;
                    for (int b = 0; b <= a; b++) h[a][b] += w * d[b];
                }
            }
        }
        chi2[s] = sum;
        for (int a = 0; a < PARAMETERS; a++) {
            gradient[PARAMETERS * s + a] = g[a];
            for (int b = 0; b < PARAMETERS; b++)
                hessian[(PARAMETERS * s + a) * PARAMETERS + b] = a >= b ? h[a][b] : h[b][a];
        }
    }
}
