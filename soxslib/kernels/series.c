/* Series of local cubics and their least squares (numerics/series.py). */
#include "kernels.h"

enum { POWERS = 2 * TAPS, PAIRS = TAPS * TAPS /* of taps */, BLOCK = 512 };

/* out[i] (+)= factor[i] * the series at first[i], phase[i]. cubic [half of the phase, node, power]: its polynomials;
   factor: of each datum, or not read where all are 1 (scale = 0). */
WIDE void series_evaluate(const double *restrict cubic, ptrdiff_t halves, ptrdiff_t nodes, const ptrdiff_t *restrict first,
                          const double *restrict phase, const double *restrict factor, ptrdiff_t scale, ptrdiff_t add,
                          double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double x = phase[i];
        const double *c = cubic + TAPS * (first[i] + (halves == 2 && x >= 0.5 ? nodes : 0));
        double y = ((c[3] * x + c[2]) * x + c[1]) * x + c[0];
        if (scale) y *= factor[i];
        out[i] = add ? out[i] + y : y;
    }
}

/* Adds one datum to the sums of its node: for each component of weight * factor * value * phase^m, then of weight * factor *
   factor' * phase^m for this component and each behind it. */
INSIDE void add_datum(double *restrict sums, const double *const *restrict factors, ptrdiff_t k, ptrdiff_t i,
                             const double *restrict powers, double w, double value)
{
    for (ptrdiff_t c = 0; c < k; c++) {
        const double weighted = w * factors[c][i], light = weighted * value;
        for (int m = 0; m < POWERS; m++) sums[m] += light * powers[m];
        sums += POWERS;
        for (ptrdiff_t d = c; d < k; d++, sums += POWERS) {
            const double product = weighted * factors[d][i];
            for (int m = 0; m < POWERS; m++) sums[m] += product * powers[m];
        }
    }
}

/* Products of the taps' polynomials of each pair of components: kinds [component, half, tap, power] to products
   [pair, half, power, tap * tap], zero at first. */
static void multiply(const double *restrict kinds, ptrdiff_t k, ptrdiff_t halves, double *restrict products)
{
    for (ptrdiff_t c = 0; c < k; c++)
        for (ptrdiff_t d = c; d < k; d++)
            for (ptrdiff_t half = 0; half < halves; half++, products += POWERS * PAIRS) {
                const double *a = kinds + (c * halves + half) * PAIRS, *b = kinds + (d * halves + half) * PAIRS;
                for (int q = 0; q < PAIRS; q++)
                    for (int r = 0; r < PAIRS; r++)
                        products[(q % TAPS + r % TAPS) * PAIRS + q / TAPS * TAPS + r / TAPS] += a[q] * b[r];
            }
}

/* The sums of one node, as normal equations. */
INSIDE void add_node(const double *restrict sums, const double *restrict kinds, const double *restrict products,
                   ptrdiff_t k, ptrdiff_t halves, ptrdiff_t half, ptrdiff_t node, ptrdiff_t size, double *restrict bands,
                   double *restrict vector)
{
    for (ptrdiff_t c = 0; c < k; c++) {
        const double *kind = kinds + (c * halves + half) * PAIRS;
        for (ptrdiff_t q = 0; q < TAPS; q++) {
            const ptrdiff_t at = (node + q) * k + c;
            for (int m = 0; m < TAPS; m++)
                if (at < size) vector[at] += kind[q * TAPS + m] * sums[m];
        }
        sums += POWERS;
        for (ptrdiff_t d = c; d < k; d++, sums += POWERS, products += halves * POWERS * PAIRS) {
            double total[PAIRS] = {0.0};
            const double *product = products + half * POWERS * PAIRS;
            for (int m = 0; m < POWERS; m++)
                for (int t = 0; t < PAIRS; t++) total[t] += product[m * PAIRS + t] * sums[m];
            for (ptrdiff_t q = 0; q < TAPS; q++)
                for (ptrdiff_t r = c == d ? q : 0; r < TAPS; r++) {
                    const ptrdiff_t i = q * k + c, j = r * k + d, low = i < j ? i : j, high = i < j ? j : i;
                    if (node * k + high < size)
                        bands[(TAPS * k - 1 - (high - low)) * size + node * k + high] += total[q * TAPS + r];
                }
        }
    }
}

/* Normal equations of values ~ sum over components of factor * series, from images [rows, columns] of what each pixel tells;
   weight 0: not read. Upper bands [TAPS * k, nodes * k], as LAPACK's pbsv has them, and vector, both zero at first; so are
   products and sums [node, half, 1 + POWERS * (k + pairs)]: their first tells whether there are any. */
WIDE void series_equations(const ptrdiff_t *restrict first, const double *restrict phase, const uintptr_t *addresses,
                           const double *restrict weight, const double *restrict value, ptrdiff_t rows, ptrdiff_t columns,
                           const double *kinds, ptrdiff_t k, ptrdiff_t halves, ptrdiff_t nodes,
                           double *restrict products, double *restrict sums, double *restrict bands, double *restrict vector)
{
    const double *const *factors = (const double *const *)addresses;
    double powers[BLOCK][POWERS]; /* of the phases of a row of a block */
    const ptrdiff_t stride = 1 + POWERS * (k + k * (k + 1) / 2);
    for (ptrdiff_t begin = 0; begin < columns; begin += BLOCK) { /* the sums of a block of columns stay near the processor */
        const ptrdiff_t end = begin + BLOCK < columns ? begin + BLOCK : columns;
        for (ptrdiff_t row = 0; row < rows; row++) {
            const ptrdiff_t at = row * columns + begin;
            for (ptrdiff_t j = 0; j < end - begin; j++) {
                powers[j][0] = 1.0;
                for (int m = 1; m < POWERS; m++) powers[j][m] = powers[j][m - 1] * phase[at + j];
            }
            for (ptrdiff_t i = at; i < at + end - begin; i++) {
                if (weight[i] == 0.0) continue;
                double *own = sums + (first[i] * halves + (halves == 2 && phase[i] >= 0.5)) * stride;
                own[0] = 1.0;
                add_datum(own + 1, factors, k, i, powers[i - at], weight[i], value[i]);
            }
        }
    }
    multiply(kinds, k, halves, products);
    for (ptrdiff_t node = 0; node < nodes; node++)
        for (ptrdiff_t half = 0; half < halves; half++) {
            const double *own = sums + (node * halves + half) * stride;
            if (own[0]) add_node(own + 1, kinds, products, k, halves, half, node, nodes * k, bands, vector);
        }
}
