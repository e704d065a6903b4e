/* Sources on the slit (numerics/locate.py). */
#include "kernels.h"

/* out[i] += part of the weighted squares of columns of light that a Moffat profile of scale[i] and power beta[i], with a
   free amplitude and level in each column, explains. distance, light, weight [column, row]; shape: room for a column. */
void locate_explained(const double *restrict distance, const double *restrict light, const double *restrict weight,
                      ptrdiff_t columns, ptrdiff_t rows, const double *restrict scale, const double *restrict beta,
                      ptrdiff_t n, double *restrict shape, double *restrict out)
{
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t c = 0; c < columns; c++) {
            const double *d = distance + c * rows, *y = light + c * rows, *w = weight + c * rows;
            double total = 0.0, level = 0.0, base = 0.0, both = 0.0, square = 0.0;
            for (ptrdiff_t r = 0; r < rows; r++) {
                if (!(w[r] > 0)) continue;
                const double x = d[r] / scale[i];
                shape[r] = pow(1.0 + x * x, -beta[i]);
                total += w[r];
                level += w[r] * shape[r];
                base += w[r] * y[r];
            }
            if (!(total > 0)) continue;
            for (ptrdiff_t r = 0; r < rows; r++) {
                if (!(w[r] > 0)) continue;
                const double s = shape[r] - level / total;
                both += w[r] * s * (y[r] - base / total);
                square += w[r] * s * s;
            }
            out[i] += both * both / (square > 1e-300 ? square : 1e-300);
        }
}
