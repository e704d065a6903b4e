/* Cosmic rays among the pixels of an order (numerics/hits.py). */
#include <stdbool.h>
#include <string.h>

#include "kernels.h"

/* Whether one of the mask's pixels stands at a place, or beyond the image's edge none. */
static inline bool at(const bool *mask, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t row, ptrdiff_t column)
{
    return row >= 0 && row < rows && column >= 0 && column < columns && mask[row * columns + column];
}

/* Whether a pull is above so many times what is left of its scatter by a fit that the pixel has this part in. */
static inline bool is_above(double pull, double least, double leverage)
{
    return pull > 0.0 && pull * pull > least * least * (1.0 - leverage);
}

/* out = mask, and pixels of pull above `least` for which the mask has one of the eight neighbours, or, with `between`,
   both of two that face each other. */
static void grown(const bool *restrict mask, const double *restrict pull, const double *restrict leverage, ptrdiff_t rows,
                  ptrdiff_t columns, double least, bool between, bool *restrict out)
{
    memcpy(out, mask, (size_t)(rows * columns) * sizeof *out);
    static const ptrdiff_t way[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t column = 0; column < columns; column++) {
            if (!mask[row * columns + column]) continue; /* few are */
            for (int w = 0; w < 8; w++) {
                const int sign = w < 4 ? 1 : -1;
                const ptrdiff_t dr = sign * way[w % 4][0], dc = sign * way[w % 4][1], r = row + dr, c = column + dc;
                if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
                const ptrdiff_t there = r * columns + c;
                if (is_above(pull[there], least, leverage[there]) && (!between || at(mask, rows, columns, r + dr, c + dc)))
                    out[there] = true;
            }
        }
}

/* Pixels of images [rows, columns] brighter than both neighbours of their row by more than any line: `ratio` times the
   brighter one, and `sigma` errors more; floor: variance without light. out: false at first. */
void hits_spikes(const bool *restrict usable, const double *restrict data, const double *restrict floor, double ndit,
                 double ratio, double sigma, ptrdiff_t rows, ptrdiff_t columns, bool *restrict out)
{
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t i = row * columns + 1; i < (row + 1) * columns - 1; i++) {
            if (!(usable[i - 1] && usable[i] && usable[i + 1])) continue;
            const ptrdiff_t n = data[i - 1] > data[i + 1] ? i - 1 : i + 1;
            const double beside = data[n] > 0.0 ? data[n] : 0.0, more = data[i] - ratio * beside;
            if (more <= 0.0) continue;
            const double variance = floor[i] + data[i] / ndit + ratio * ratio * (floor[n] + beside / ndit);
            out[i] = more > sigma * sqrt(variance);
        }
}

/* Pixels of images [rows, columns] that no model explains: `spikes`, the worst of each column above `reject` that is not
   rejected yet, those rejected before that are still above `grow`, what touches any of these and is above `grow`, what
   stands between two and is above `between`. pull: -inf where not to be read. Nodes that lose more than `most` of their `usable`
   pixels lose spikes only. What touches others is asked for pulls of its own scatter, which the pixel's leverage on the
   fit has lessened. scratch: of the image's size. */
void hits_found(const double *restrict pull, const double *restrict leverage, const bool *restrict rejected,
                const bool *restrict spikes, const ptrdiff_t *restrict node, ptrdiff_t rows, ptrdiff_t columns,
                double reject, double grow, double between, double most, ptrdiff_t nodes,
                const double *restrict usable, double *restrict lost, bool *restrict scratch, bool *restrict out)
{
    const ptrdiff_t n = rows * columns;
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < n; i++) count += out[i] = spikes[i] || (rejected[i] && pull[i] > grow);
    for (ptrdiff_t column = 0; column < columns; column++) lost[column] = reject;
    for (ptrdiff_t i = 0, column = 0; i < n; i++, column = column + 1 == columns ? 0 : column + 1)
        if (pull[i] > lost[column] && !rejected[i]) lost[column] = pull[i];
    for (ptrdiff_t column = 0; column < columns; column++)
        for (ptrdiff_t i = column; lost[column] > reject && i < n; i += columns)
            if (pull[i] == lost[column] && !rejected[i]) {
                out[i] = true;
                count++;
                break;
            }
    if (!count) return;
    memcpy(scratch, out, (size_t)n * sizeof *out);
    grown(scratch, pull, leverage, rows, columns, grow, false, out);
    for (ptrdiff_t i = 0; i < n; i++) scratch[i] = out[i] && (spikes[i] || is_above(pull[i], grow, leverage[i]));
    grown(scratch, pull, leverage, rows, columns, between, true, out);
    memset(lost, 0, (size_t)nodes * sizeof *lost);
    for (ptrdiff_t i = 0; i < n; i++) lost[node[i]] += out[i] && !spikes[i];
    for (ptrdiff_t i = 0; i < n; i++)
        if (out[i] && !spikes[i] && lost[node[i]] / usable[node[i]] > most) out[i] = false;
}

/* Pulls of pixels: data less model over the error of both, of the model a fraction of the sky and one of all else; -inf
   where not usable. */
WIDE void hits_pulls(const bool *restrict usable, const double *restrict data, const double *restrict model,
                     const double *restrict sky, const double *restrict variance, double sky_error, double source_error,
                     double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double of_sky = sky_error * sky[i], of_source = source_error * (model[i] - sky[i]);
        const double pull = (data[i] - model[i]) / sqrt(variance[i] + of_sky * of_sky + of_source * of_source);
        out[i] = usable[i] ? pull : -INFINITY;
    }
}

/* Adds to the leverage of pixels [n] the part that each has in a source's counts at its node, `most` at most: the share of
   the information light^2 / variance of what is read there. Light of less than `least` has none. sums [nodes]: scratch. */
void hits_leverage(const bool *restrict usable, const bool *restrict rejected, const double *restrict light,
                   const double *restrict variance, const ptrdiff_t *restrict node, double least, double most, ptrdiff_t n,
                   ptrdiff_t nodes, double *restrict sums, double *restrict leverage)
{
    memset(sums, 0, (size_t)nodes * sizeof *sums);
    for (ptrdiff_t i = 0; i < n; i++)
        if (light[i] > least && usable[i] && !rejected[i]) sums[node[i]] += light[i] * light[i] / variance[i];
    for (ptrdiff_t i = 0; i < n; i++)
        if (light[i] > least && usable[i] && !rejected[i])
            leverage[i] = fmin(leverage[i] + light[i] * light[i] / variance[i] / sums[node[i]], most);
}

/* Of the pixels on bright lines, whose noise is less than `bright` of the sky and whose model is less than `mostly` times
   it: squares of the residuals over the variance, and the variance over the square of the sky. count [1]: how many. */
void hits_lit(const bool *restrict usable, const bool *restrict rejected, const double *restrict data,
              const double *restrict model, const double *restrict sky, const double *restrict variance, double bright,
              double mostly, ptrdiff_t n, double *restrict square, double *restrict relative, ptrdiff_t *restrict count)
{
    *count = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double seen = bright * sky[i];
        if (seen <= 0.0 || seen * seen <= variance[i] || model[i] >= mostly * sky[i] || !usable[i] || rejected[i]) continue;
        const double left = data[i] - model[i];
        square[*count] = left * left / variance[i];
        relative[(*count)++] = variance[i] / (sky[i] * sky[i]);
    }
}
