/* Trees as arrays of nodes, and the walk of one row through all of them.

   A node is 8 (float) or 16 bytes (double): its threshold, and a link of 32 bits

       left child, from the tree's first node: 20 bits · missing goes right: 1 bit · feature: 11 bits

   The right child follows the left one. A row goes right where x >= threshold, or where x is NaN and the node says so. A
   leaf has the threshold NaN and is its own left child, so a walk that is over stays where it is: every tree of a group
   takes as many steps as the deepest one, without a branch. Eight trees advance together, so that the processor waits
   for eight loads at once and not for one. The values of the leaves are added in the order of the trees. */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { SY_GROUP = 8, SY_LEFT_BITS = 20, SY_FEATURE_BITS = 11 };

#define SY_LEFT(link) ((link) & ((1u << SY_LEFT_BITS) - 1))
#define SY_NAN_RIGHT(link) ((link) >> SY_LEFT_BITS & 1u)
#define SY_FEATURE(link) ((link) >> (SY_LEFT_BITS + 1))

#define SY_WALKER(NAME, REAL, NODE)                                                                                  \
    typedef struct { REAL threshold; uint32_t link; } NODE;                                                            \
    static inline void NAME##_group(                                                                                   \
        const NODE *nodes, const uint32_t *firsts, int depth, const REAL *row, int missing, uint32_t *at               \
    ) {                                                                                                                \
        for (int k = 0; k < SY_GROUP; k++) at[k] = 0;                                                                  \
        if (missing) {                                                                                                 \
            for (int step = 0; step < depth; step++)                                                                   \
                for (int k = 0; k < SY_GROUP; k++) {                                                                   \
                    NODE node = nodes[firsts[k] + at[k]];                                                              \
                    REAL x = row[SY_FEATURE(node.link)];                                                               \
                    at[k] = SY_LEFT(node.link) + ((uint32_t)(x >= node.threshold) | ((uint32_t)(x != x) & SY_NAN_RIGHT(node.link))); \
                }                                                                                                      \
            return;                                                                                                    \
        }                                                                                                              \
        for (int step = 0; step < depth; step++)                                                                       \
            _Pragma("GCC unroll 8")                                                                                    \
            for (int k = 0; k < SY_GROUP; k++) {                                                                       \
                NODE node = nodes[firsts[k] + at[k]];                                                                  \
                at[k] = SY_LEFT(node.link) + (uint32_t)(row[SY_FEATURE(node.link)] >= node.threshold);                 \
            }                                                                                                          \
    }                                                                                                                  \
    static REAL NAME(                                                                                                  \
        const NODE *nodes, const REAL *values, const uint32_t *firsts, const int32_t *depths, int groups, int trees,   \
        const REAL *row, int features, REAL base                                                                       \
    ) {                                                                                                                \
        int missing = 0;                                                                                               \
        for (int i = 0; i < features; i++) missing |= row[i] != row[i];                                                \
        REAL sum = base;                                                                                               \
        for (int group = 0; group < groups; group++, firsts += SY_GROUP) {                                             \
            uint32_t at[SY_GROUP];                                                                                     \
            NAME##_group(nodes, firsts, depths[group], row, missing, at);                                              \
            int count = trees - group * SY_GROUP < SY_GROUP ? trees - group * SY_GROUP : SY_GROUP;                     \
            for (int k = 0; k < count; k++) sum += values[firsts[k] + at[k]];                                          \
        }                                                                                                              \
        return sum;                                                                                                    \
    }

SY_WALKER(sy_walk_float, float, sy_node_float)
SY_WALKER(sy_walk_double, double, sy_node_double)
