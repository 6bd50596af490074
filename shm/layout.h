/* Where everything lies in a segment: the one descriptor, for C here and for Python through `_ring.OFFSETS`.
 *
 *   0 header (immutable, with its checksum) │ 1024 owner │ 2048 cursor, alone on 128 bytes │ 2304 statistics │ data
 *
 * header.py packs and checks the header; it holds its own format against these offsets when it is imported.
 */
#ifndef STEELYARD_LAYOUT_H
#define STEELYARD_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    char magic[8];
    uint32_t byte_order;
    uint16_t abi_major, abi_minor;
    uint32_t header_size, flags, record_size, alignment;
    uint64_t capacity, reserve, data_offset, total_size, schema_hash;
    char stream[16], boot[16];
    int64_t created_ns;
    uint64_t first; /* the sequence of the lane's first record */
    uint32_t count, descr_size;
    char record_name[32];
    char descr[856]; /* JSON */
    uint32_t checksum, ready; /* of everything before; stored last */
} sy_header;

typedef struct {
    sy_header header;
    uint64_t owner_epoch, owner_pid, owner_start, owner_namespace, owner_beat, owner_clean;
    char until_cursor[2048 - 1024 - 6 * 8];
    uint64_t cursor;
    char until_statistics[2304 - 2048 - 8];
    uint64_t wakes, refused, ahead;
} sy_layout;

#define SY_OFFSET(field) offsetof(sy_layout, field)
#define SY_OWNER_CLEAN_OFFSET SY_OFFSET(owner_clean)
#define SY_CURSOR_OFFSET SY_OFFSET(cursor)
#define SY_STATISTICS_OFFSET SY_OFFSET(wakes)

_Static_assert(sizeof(sy_header) == 1024 && SY_OFFSET(owner_epoch) == 1024, "the header is the first kilobyte");
_Static_assert(SY_CURSOR_OFFSET == 2048 && SY_STATISTICS_OFFSET == 2304, "no other word shares the cursor's 128 bytes");

#endif
