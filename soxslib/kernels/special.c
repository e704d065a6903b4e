/* Special functions that NumPy lacks (numerics/special.py). */
#include "kernels.h"

void erf_of(const double *restrict x, double *restrict out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) out[i] = erf(x[i]);
}
