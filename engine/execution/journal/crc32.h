/* zlib's crc32 of a whole number of 16-byte blocks, at least four: by carry-less multiplication where the processor has
 * it, else by a table of 16 entries, which is one cache line: a table of kilobytes is cold whenever it is needed here.
 *
 * The folding is Intel's ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ"); its constants are powers of x
 * modulo the reflected polynomial 0xEDB88320.
 */
#ifndef STEELYARD_CRC32_H
#define STEELYARD_CRC32_H

#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static inline uint32_t sy_crc32_plain(const uint8_t *data, size_t size) {
    static const uint32_t nibbles[16] __attribute__((aligned(64))) = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = (crc >> 4) ^ nibbles[crc & 15];
        crc = (crc >> 4) ^ nibbles[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("pclmul,sse4.1"))) static inline __m128i sy_crc32_fold(__m128i x, __m128i k, __m128i next) {
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)), next);
}

__attribute__((target("pclmul,sse4.1"))) static inline uint32_t sy_crc32_folded(const uint8_t *data, size_t size) {
    const __m128i k1k2 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i k3k4 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i k5 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i poly = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i *at = (const __m128i *)data, low = _mm_setr_epi32(~0, 0, ~0, 0);
    __m128i a = _mm_xor_si128(_mm_loadu_si128(at), _mm_cvtsi32_si128(-1)), b = _mm_loadu_si128(at + 1);
    __m128i c = _mm_loadu_si128(at + 2), d = _mm_loadu_si128(at + 3);
    size_t blocks = size / 16 - 4;
    for (at += 4; blocks >= 4; blocks -= 4, at += 4) {
        a = sy_crc32_fold(a, k1k2, _mm_loadu_si128(at));
        b = sy_crc32_fold(b, k1k2, _mm_loadu_si128(at + 1));
        c = sy_crc32_fold(c, k1k2, _mm_loadu_si128(at + 2));
        d = sy_crc32_fold(d, k1k2, _mm_loadu_si128(at + 3));
    }
    a = sy_crc32_fold(sy_crc32_fold(sy_crc32_fold(a, k3k4, b), k3k4, c), k3k4, d);
    for (; blocks; blocks--, at++) a = sy_crc32_fold(a, k3k4, _mm_loadu_si128(at));
    __m128i t = _mm_clmulepi64_si128(a, k3k4, 0x10); /* 128 bits to 64 */
    a = _mm_xor_si128(_mm_srli_si128(a, 8), t);
    t = _mm_srli_si128(a, 4);
    a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low), k5, 0x00), t);
    t = _mm_clmulepi64_si128(_mm_and_si128(a, low), poly, 0x10); /* to 32, by Barrett */
    t = _mm_clmulepi64_si128(_mm_and_si128(t, low), poly, 0x00);
    return ~(uint32_t)_mm_extract_epi32(_mm_xor_si128(a, t), 1);
}
#endif

static inline uint32_t sy_crc32(const uint8_t *data, size_t size) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) return sy_crc32_folded(data, size);
#endif
    return sy_crc32_plain(data, size);
}

#endif
