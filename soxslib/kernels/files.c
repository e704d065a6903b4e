/* Pixels as files store them (io/packed.py, io/hdus.py, io/raw.py). */
#include <string.h>

#include "kernels.h"

typedef struct {
    const uint8_t *next, *end;
    uint64_t word; /* the next bits, from the highest on */
    int held;      /* how many of them are valid; at most 8 bytes beyond the end are zeros */
} Bits;

/* At least 56 bits. */
static inline void refill(Bits *b)
{
    if (b->end - b->next >= 8) {
        uint64_t more;
        memcpy(&more, b->next, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        more = __builtin_bswap64(more);
#endif
        b->word |= more >> b->held;
        b->next += (63 - b->held) >> 3;
        b->held |= 56;
        return;
    }
    while (b->held <= 56) {
        const uint64_t byte = b->next < b->end ? *b->next : 0;
        b->next++;
        b->word |= byte << (56 - b->held);
        b->held += 8;
    }
}

static inline void drop(Bits *b, int n)
{
    b->word <<= n;
    b->held -= n;
}

/* n bits, up to 32. */
static inline uint32_t take(Bits *b, int n)
{
    if (b->held < n) refill(b);
    const uint32_t value = n ? (uint32_t)(b->word >> (64 - n)) : 0;
    drop(b, n);
    return value;
}

/* Number of zeros before the next one, which is taken too; -1 where the bytes end before it. */
static inline ptrdiff_t zeros(Bits *b)
{
    for (ptrdiff_t n = 0;;) {
        if (b->held < 32) refill(b);
        const int more = b->word ? __builtin_clzll(b->word) : 64;
        if (more < b->held) {
            drop(b, more);
            drop(b, 1);
            return n + more;
        }
        if (b->next >= b->end) return -1;
        n += b->held;
        b->word = 0;
        b->held = 0;
    }
}

/* One tile of n pixels, each of `bytes` bytes (Pence et al. 2010, A&A 524, A42): 0, or 1 where its bytes end too soon.
   Differences of successive pixels, in blocks that share the number of low bits that stand as they are. */
static int unpack(const uint8_t *data, ptrdiff_t size, ptrdiff_t block, ptrdiff_t bytes, ptrdiff_t n, int32_t *out)
{
    const int width = (int)(8 * bytes), low_bits = bytes == 4 ? 5 : bytes == 2 ? 4 : 3;
    const int literal = bytes == 4 ? 25 : bytes == 2 ? 14 : 6;
    Bits b = {data, data + size, 0, 0};
    if (size < bytes) return 1;
    uint32_t last = take(&b, width);
    for (ptrdiff_t i = 0; i < n; i += block) {
        const ptrdiff_t stop = i + block < n ? i + block : n;
        const int low = (int)take(&b, low_bits) - 1;
        if (b.next - b.end > 8) return 1;
        for (ptrdiff_t k = i; k < stop; k++) {
            uint32_t difference = 0;
            if (low == literal) {
                difference = take(&b, width);
            } else if (low >= 0) {
                refill(&b);
                const int high = b.word ? __builtin_clzll(b.word) : 64;
                if (high + 1 + low <= 56) { /* nearly always */
                    const uint64_t rest = b.word << high << 1;
                    difference = (uint32_t)high << low | (uint32_t)(rest >> 1 >> (63 - low));
                    b.word = rest << low;
                    b.held -= high + 1 + low;
                } else {
                    const ptrdiff_t many = zeros(&b);
                    if (many < 0) return 1;
                    difference = (uint32_t)many << low | take(&b, low);
                }
            }
            last += (difference >> 1) ^ -(difference & 1);
            out[k] = bytes == 4 ? (int32_t)last : bytes == 2 ? (int16_t)last : (uint8_t)last;
        }
    }
    return b.next - b.end > 8;
}

/* Rice-compressed tiles, one after the other of `step` pixels each, out [n]. heap: bytes of all; places [tile, 2]: number
   of bytes and their start; failed [1]: number of tiles that are not whole. */
void files_unpack_rice(const uint8_t *restrict heap, ptrdiff_t size, const ptrdiff_t *restrict places, ptrdiff_t tiles,
                       ptrdiff_t block, ptrdiff_t bytes, ptrdiff_t step, int32_t *restrict out, ptrdiff_t n,
                       ptrdiff_t *restrict failed)
{
    *failed = 0;
    for (ptrdiff_t t = 0; t < tiles; t++) {
        const ptrdiff_t count = places[2 * t], start = places[2 * t + 1], left = n - t * step;
        if (left <= 0 || count < 0 || start < 0 || start + count > size)
            ++*failed;
        else
            *failed += unpack(heap + start, count, block, bytes, left < step ? left : step, out + t * step);
    }
}

enum { TALL = 64, LINE = 16 }; /* values of a part of the image that stays in the cache */

/* out [columns, rows]: a part of an image whose rows have `length` values, turned; swap: bytes reversed. For values of 4 bytes, and of 2. */
#define TURN(name, kind, reversed)                                                                                        \
    void name(const kind *restrict image, ptrdiff_t length, ptrdiff_t first_row, ptrdiff_t rows, ptrdiff_t first_column, \
              ptrdiff_t columns, ptrdiff_t swap, kind *restrict out)                                                     \
    {                                                                                                                    \
        const kind *restrict from = image + first_row * length + first_column;                                           \
        for (ptrdiff_t y = 0; y < rows; y += TALL)                                                                       \
            for (ptrdiff_t x = 0; x < columns; x += LINE) {                                                                \
                const ptrdiff_t width = columns - x < LINE ? columns - x : LINE;                                         \
                const ptrdiff_t height = rows - y < TALL ? rows - y : TALL;                                              \
                for (ptrdiff_t i = x; i < x + width; i++)                                                                \
                    for (ptrdiff_t j = y; j < y + height; j++) {                                                         \
                        const kind value = from[j * length + i];                                                         \
                        out[i * rows + j] = swap ? reversed(value) : value;                                              \
                    }                                                                                                    \
            }                                                                                                            \
    }

TURN(files_turn_4, uint32_t, __builtin_bswap32)
TURN(files_turn_2, uint16_t, __builtin_bswap16)
