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

/* The k-th smallest of n values, which are put in another order. */
static double selected(double *values, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t low = 0, high = n - 1;
    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot) i++;
            while (values[j] > pivot) j--;
            if (i <= j) {
                const double kept = values[i];
                values[i++] = values[j];
                values[j--] = kept;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return values[k];
}

static double median(double *values, ptrdiff_t n)
{
    const double high = selected(values, n, n / 2);
    if (n % 2) return high;
    double low = values[0]; /* what is below the middle stands before it */
    for (ptrdiff_t i = 1; i < n / 2; i++) low = values[i] > low ? values[i] : low;
    return 0.5 * (low + high);
}

/* Row of a column of the map slit [rows, columns] nearest to a slit position, by a parabola; -1 outside. */
static ptrdiff_t nearest_row(const double *slit, ptrdiff_t rows, ptrdiff_t columns, double position)
{
    const ptrdiff_t middle = rows / 2, reach = rows / 2 - 1;
    const double low = slit[(middle - reach) * columns], centre = slit[middle * columns];
    const double high = slit[(middle + reach) * columns], distance = position - centre;
    const double slope = (high - low) / (2 * reach), bend = (high + low - 2 * centre) / (2 * reach * reach);
    double x = distance / slope;
    for (int i = 0; i < 3; i++) x = distance / (slope + bend * x);
    x = rint(middle + x);
    return x >= 0 && x < rows ? (ptrdiff_t)x : -1;
}

/* light, variance, position, count [slit position, block]: of the good pixels nearest to each slit position in the `width`
   columns of a block their median, sum of variances, mean place on the slit and number. room: for `width` values. */
void locate_blocks(const double *restrict slit, const _Bool *restrict good, const double *restrict flux,
                   const double *restrict noise, ptrdiff_t rows, ptrdiff_t columns, const double *restrict grid,
                   ptrdiff_t n_grid, ptrdiff_t n_blocks, ptrdiff_t width, double *restrict room, double *restrict light,
                   double *restrict variance, double *restrict position, double *restrict count)
{
    for (ptrdiff_t i = 0; i < n_grid; i++)
        for (ptrdiff_t b = 0; b < n_blocks; b++) {
            double sum = 0.0, place = 0.0;
            ptrdiff_t n = 0;
            for (ptrdiff_t c = b * width; c < (b + 1) * width; c++) {
                const ptrdiff_t row = nearest_row(slit + c, rows, columns, grid[i]), p = row * columns + c;
                if (row < 0 || !good[p]) continue;
                room[n++] = flux[p];
                sum += noise[p];
                place += slit[p];
            }
            const ptrdiff_t out = i * n_blocks + b;
            light[out] = n ? median(room, n) : 0.0;
            variance[out] = sum;
            position[out] = n ? place / n : 0.0;
            count[out] = n;
        }
}
