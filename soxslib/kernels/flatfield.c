/* A flat taken apart, order by order (numerics/flatfield.py). Cutouts are [ny, nx]; the illumination along the slit stands
   at `nodes` equal steps of the fraction from 0 to 1. */
#include "kernels.h"

enum { TERMS = 3 }; /* constant, slope and bow along the slit */

/* The node before a fraction of the slit, and how far beyond it as a part of a step. */
static inline ptrdiff_t node_of(double fraction, ptrdiff_t nodes, double *part)
{
    const double at = (fraction < 0.0 ? 0.0 : fraction > 1.0 ? 1.0 : fraction) * (double)(nodes - 1);
    const ptrdiff_t low = (ptrdiff_t)at < nodes - 2 ? (ptrdiff_t)at : nodes - 2;
    *part = at - (double)low;
    return low;
}

static inline double along_slit(const double *restrict illumination, ptrdiff_t nodes, double fraction)
{
    double part;
    const ptrdiff_t low = node_of(fraction, nodes, &part);
    return illumination[low] + part * (illumination[low + 1] - illumination[low]);
}

/* Legendre polynomial k of the height on the slit. */
static inline double term(int k, double height)
{
    return k == 0 ? 1.0 : k == 1 ? height : 1.5 * height * height - 0.5;
}

/* Variance of each pixel and whether it is used: within clip times its noise and tolerance times the model of the model;
   and for the fit of n terms along the slit, data [n, nx] and moments [n, n, nx] summed over the rows of the used. */
void flatfield_lamp(const double *restrict flux, const double *restrict floor, const double *restrict light,
                    const _Bool *restrict readable, const double *restrict model, const double *restrict height,
                    const double *restrict fraction, const double *restrict guess, const double *restrict illumination,
                    ptrdiff_t nodes, ptrdiff_t n, double clip, double tolerance, ptrdiff_t ny, ptrdiff_t nx,
                    double *restrict variance, _Bool *restrict used, double *restrict data, double *restrict moments)
{
    for (ptrdiff_t i = 0; i < n * nx; i++) data[i] = 0.0;
    for (ptrdiff_t i = 0; i < n * n * nx; i++) moments[i] = 0.0;
    for (ptrdiff_t y = 0; y < ny; y++)
        for (ptrdiff_t x = 0; x < nx; x++) {
            const ptrdiff_t i = y * nx + x;
            const double m = model[i], v = floor[i] + (m > 0.0 ? m : 0.0) / light[i];
            variance[i] = v;
            used[i] = readable[i] && fabs(flux[i] - m) < clip * sqrt(v) + tolerance * fabs(m);
            if (!used[i]) continue;
            const double slit = guess[x] * along_slit(illumination, nodes, fraction[i]);
            const double w = slit / v, pull = w * flux[i], weight = w * slit;
            double value[TERMS];
            for (int k = 0; k < n; k++) value[k] = term(k, height[i]);
            for (int k = 0; k < n; k++) {
                data[k * nx + x] += pull * value[k];
                for (int l = 0; l <= k; l++) moments[(k * n + l) * nx + x] += weight * value[k] * value[l];
            }
        }
    for (int k = 0; k < n; k++)
        for (int l = k + 1; l < n; l++)
            for (ptrdiff_t x = 0; x < nx; x++) moments[(k * n + l) * nx + x] = moments[(l * n + k) * nx + x];
}

/* shape: sum of the terms times their parts [n, nx]; sums [2, nodes]: of the ratio of flux to model, weighted by its
   information, and of the weights, each pixel shared by two nodes. */
void flatfield_slit(const double *restrict flux, const double *restrict variance, const _Bool *restrict used,
                    const double *restrict height, const double *restrict fraction, const double *restrict guess,
                    const double *restrict illumination, ptrdiff_t nodes, const double *restrict parts, ptrdiff_t n,
                    ptrdiff_t ny, ptrdiff_t nx, double *restrict shape, double *restrict sums)
{
    for (ptrdiff_t k = 0; k < 2 * nodes; k++) sums[k] = 0.0;
    for (ptrdiff_t y = 0; y < ny; y++)
        for (ptrdiff_t x = 0; x < nx; x++) {
            const ptrdiff_t i = y * nx + x;
            double total = 0.0, part;
            for (int k = 0; k < n; k++) total += term(k, height[i]) * parts[k * nx + x];
            shape[i] = total;
            if (!used[i]) continue;
            const ptrdiff_t low = node_of(fraction[i], nodes, &part);
            const double model = total * guess[x] * (illumination[low] + part * (illumination[low + 1] - illumination[low]));
            if (!(model > 0.0)) continue;
            const double w = model * model / variance[i], ratio = flux[i] / model;
            sums[low] += w * (1.0 - part) * ratio;
            sums[low + 1] += w * part * ratio;
            sums[nodes + low] += w * (1.0 - part);
            sums[nodes + low + 1] += w * part;
        }
}

/* model: shape times lamp (guess [nx]) times illumination. */
void flatfield_model(const double *restrict shape, const double *restrict fraction, const double *restrict guess,
                     const double *restrict illumination, ptrdiff_t nodes, ptrdiff_t ny, ptrdiff_t nx,
                     double *restrict model)
{
    for (ptrdiff_t y = 0; y < ny; y++)
        for (ptrdiff_t x = 0; x < nx; x++)
            model[y * nx + x] = shape[y * nx + x] * guess[x] * along_slit(illumination, nodes, fraction[y * nx + x]);
}

/* sums [2, nodes]: of n values times their weights, and of the weights, each shared by two nodes. */
void flatfield_along(const double *restrict values, const double *restrict weight, const double *restrict fraction,
                     ptrdiff_t n, ptrdiff_t nodes, double *restrict sums)
{
    for (ptrdiff_t k = 0; k < 2 * nodes; k++) sums[k] = 0.0;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (weight[i] == 0.0) continue;
        double part;
        const ptrdiff_t low = node_of(fraction[i], nodes, &part);
        const double first = weight[i] * (1.0 - part), second = weight[i] * part;
        sums[low] += first * values[i];
        sums[low + 1] += second * values[i];
        sums[nodes + low] += first;
        sums[nodes + low + 1] += second;
    }
}

/* Upper bands [4 n, n_nodes n] (LAPACK's layout) and right-hand side of the fit of n splines with n_nodes coefficients,
   those of one node side by side, to data [n, nx] with moments [n, n, nx]. first [nx], weights [4, nx]: taps of a column. */
void flatfield_bands(const ptrdiff_t *restrict first, const double *restrict weights, const double *restrict data,
                     const double *restrict moments, ptrdiff_t n, ptrdiff_t n_nodes, ptrdiff_t nx, double *restrict bands,
                     double *restrict vector)
{
    const ptrdiff_t size = n_nodes * n;
    for (ptrdiff_t i = 0; i < size; i++) vector[i] = 0.0;
    for (ptrdiff_t i = 0; i < 4 * n * size; i++) bands[i] = 0.0;
    for (ptrdiff_t x = 0; x < nx; x++)
        for (ptrdiff_t a = 0; a < TAPS * n; a++) {
            const double left = weights[a / n * nx + x];
            const ptrdiff_t k = a % n, i = first[x] * n + a;
            vector[i] += left * data[k * nx + x];
            for (ptrdiff_t b = a; b < TAPS * n; b++) {
                const double right = weights[b / n * nx + x];
                bands[(4 * n - 1 + a - b) * size + first[x] * n + b] += left * right * moments[(k * n + b % n) * nx + x];
            }
        }
}
