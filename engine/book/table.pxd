"""Numbered places for 128-bit keys: finds an order by its id, and a level by its price.

    slots   · 4 · 0 · · 2 ·      entry numbers, by the key's hash; the next free slot on a clash; at most half are used
    keys    key 0 │ key 1 │ …    by entry; an entry that is not in use names the next one that is not

An entry keeps its number while it is in the table, so the owner keeps what belongs to it in arrays of its own. Removing
closes the hole in the slots: there are no tombstones, and a table that churns for months stays as quick as a new one.
"""

from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

cdef enum:
    NOWHERE = -1
    ROOM_MAX = 1 << 28  # slots and entries stay within 32 bits


cdef struct Key:
    uint64_t high
    uint64_t low


cdef struct Table:
    Key *keys
    int32_t *slots
    uint64_t mask  # slots less one
    int32_t room  # entries there is memory for
    int32_t used  # entries ever in use since it was emptied
    int32_t count  # entries in use
    int32_t spare  # the first entry given back, NOWHERE without one


cdef inline uint64_t hash_key(uint64_t high, uint64_t low) noexcept nogil:
    """Mix a key, so that consecutive ids do not fill consecutive slots."""
    cdef uint64_t value = (high * 0x9E3779B97F4A7C15ULL) ^ low
    value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ULL
    return value ^ (value >> 32)


cdef inline bint has_key(const Table *table, int32_t entry, uint64_t high, uint64_t low) noexcept nogil:
    """Whether an entry is this key's."""
    return table.keys[entry].low == low and table.keys[entry].high == high


cdef inline int32_t find_entry(const Table *table, uint64_t high, uint64_t low) noexcept nogil:
    """A key's entry; NOWHERE when it has none."""
    cdef uint64_t slot = hash_key(high, low) & table.mask
    while table.slots[slot] != NOWHERE and not has_key(table, table.slots[slot], high, low):
        slot = (slot + 1) & table.mask
    return table.slots[slot]


cdef inline void take_slot(Table *table, int32_t entry) noexcept nogil:
    """Put an entry into its slot."""
    cdef uint64_t slot = hash_key(table.keys[entry].high, table.keys[entry].low) & table.mask
    while table.slots[slot] != NOWHERE:
        slot = (slot + 1) & table.mask
    table.slots[slot] = entry


cdef inline int32_t add_entry(Table *table, uint64_t high, uint64_t low) noexcept nogil:
    """An entry for a key that has none; the caller has reserved room for it."""
    cdef int32_t entry = table.spare
    if entry == NOWHERE:
        entry = table.used
        table.used += 1
    else:
        table.spare = <int32_t>table.keys[entry].low
    table.keys[entry].high = high
    table.keys[entry].low = low
    table.count += 1
    take_slot(table, entry)
    return entry


cdef inline void close_hole(Table *table, uint64_t hole) noexcept nogil:
    """Move the entries up that clashes pushed beyond this slot."""
    cdef uint64_t slot = (hole + 1) & table.mask
    cdef uint64_t home
    cdef Key *key
    while table.slots[slot] != NOWHERE:
        key = &table.keys[table.slots[slot]]
        home = hash_key(key.high, key.low) & table.mask
        if ((slot - home) & table.mask) >= ((slot - hole) & table.mask):
            table.slots[hole] = table.slots[slot]
            hole = slot
        slot = (slot + 1) & table.mask
    table.slots[hole] = NOWHERE


cdef inline void remove_entry(Table *table, int32_t entry) noexcept nogil:
    """Give an entry back."""
    cdef uint64_t slot = hash_key(table.keys[entry].high, table.keys[entry].low) & table.mask
    while table.slots[slot] != entry:
        slot = (slot + 1) & table.mask
    close_hole(table, slot)
    table.keys[entry].low = <uint64_t>table.spare
    table.spare = entry
    table.count -= 1


cdef inline void empty_table(Table *table) noexcept nogil:
    """Give every entry back."""
    memset(table.slots, 0xFF, (table.mask + 1) * sizeof(int32_t))
    table.used = table.count = 0
    table.spare = NOWHERE


cdef inline bint grow_table(Table *table, int32_t room) noexcept nogil:
    """Memory for `room` entries, a power of two; only a table without spare entries grows. False: nothing changed."""
    cdef int32_t entry
    cdef int32_t *slots
    cdef Key *keys = <Key *>realloc(table.keys, room * sizeof(Key))
    if keys == NULL:
        return False
    table.keys = keys
    slots = <int32_t *>malloc(2 * <size_t>room * sizeof(int32_t))
    if slots == NULL:
        return False
    free(table.slots)
    table.slots = slots
    table.mask = 2 * <uint64_t>room - 1
    table.room = room
    memset(slots, 0xFF, 2 * <size_t>room * sizeof(int32_t))
    for entry in range(table.used):
        take_slot(table, entry)
    return True


cdef inline bint open_table(Table *table, int32_t room) noexcept nogil:
    """A table without entries; False without memory."""
    memset(table, 0, sizeof(Table))
    table.spare = NOWHERE
    return grow_table(table, room)


cdef inline void close_table(Table *table) noexcept nogil:
    """Give a table's memory back."""
    free(table.keys)
    free(table.slots)
