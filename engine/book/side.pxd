# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One side of a book: a window of ticks around the best price, and sorted shelves for the levels outside it.

    over  blocks  the levels that are better than the window: few, and only until the window is moved
    near  sizes   base ┊·7··3·52·┊······ best ····┊    one place a tick; 0 is no level
          words        one bit a place, groups one bit a word: the next level is three instructions away
    far   blocks  the levels that are worse than the window's base

A key rises with how good the price is: the price of a bid, the negated price of an ask. A change in the window is a
multiplication, two stores and two bits, at every depth of the book. Every level over the window is better than
every level in it, and each of these is better than every far level: a walk from the best goes over, window, far.

The tick is the greatest common divisor of the distances of all keys since the side was emptied. The venue's price step
need not be known, and a finer price only makes a new window. A divisor beyond STEP_MAX is replaced by its common
divisor with STEP_MAX: the tick is the window's step, so every key, and the base, lies on one grid.

Bounds of memory: `place_of` gives a place inside the window for a key on its grid and at least `width` for any other
64-bit key, and every write follows a comparison with the bound, or `sy_assert`.

Bounds of work: a change outside the window moves at most a block of levels. Moving the window costs its levels, so it
is moved when so many changes have come outside it that each has paid for MOVED levels; a finer tick moves it at once,
which can happen 64 times until the side is emptied. So no sequence of changes costs more than its length allows.

At its limit a side drops its worst level for a better one, and remembers the best key it ever dropped or refused: the
horizon. From then on it accepts no level at the horizon or worse, so its levels are complete down to the horizon.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memmove, memset

from engine.model.wide cimport wide_t


cdef extern from *:
    """
    #include <stdio.h>
    #include <stdlib.h>
    #define sy_highest(word) (63 - __builtin_clzll(word))
    #define sy_lowest(word) __builtin_ctzll(word)
    static inline void sy_hold(int holds, const char *what) {
        if (__builtin_expect(!holds, 0)) {
            fprintf(stderr, "engine/book: %s is false\\n", what);
            abort();
        }
    }
    #define sy_assert(condition) sy_hold(condition, #condition)
    """
    int sy_highest(uint64_t word) nogil
    int sy_lowest(uint64_t word) nogil
    void sy_assert(bint condition) nogil


cdef enum:
    WINDOW = 1 << 16  # ticks: 19 of 20 changes of a deep book on a fine tick; untouched memory uses no pages
    WORDS = WINDOW >> 6
    GROUPS = WINDOW >> 12
    HOME = WINDOW // 4 * 3  # the place of the best level when the window is placed
    LOW = WINDOW // 4  # a best below this place moves the window
    FIRST_ROOM = 1024
    BLOCK = 256  # levels of a block: what an insertion moves at most
    MOVED = 64  # levels that a change outside the window pays for
    STEP_MAX = 100_000_000_000_000  # a window of them fits into 64 bits, and decimal ticks share it


cdef struct Block:
    int32_t count  # of an unused block: the next unused one
    int64_t[BLOCK] key  # ascending
    int64_t[BLOCK] size


cdef struct Shelf:
    Py_ssize_t count  # of its levels
    Py_ssize_t blocks  # two neighbours, but the last two, hold more than half a block together
    int32_t *order  # which blocks, ascending


cdef struct Side:
    Py_ssize_t count  # of all levels
    Py_ssize_t best  # place of the window's best level, -1 when it has none
    int64_t base  # key of place 0
    uint64_t step  # key distance of two places
    uint64_t inverse  # of the step's odd part, modulo 2^64
    int shift  # of the step's even part
    uint64_t width  # places in use: 0 before the first level, 1 while no tick is known
    uint64_t unit  # the tick, at most STEP_MAX; 0 while none is known, and then the step is 1
    int64_t *near
    uint64_t *words
    uint64_t[GROUPS] groups
    Shelf over
    Shelf far
    Py_ssize_t credit  # changes outside the window since it was moved
    Py_ssize_t room  # levels for which there are blocks
    Py_ssize_t open_room  # the same while nothing was cut; else -1: compare every new level with the horizon
    Block *pool
    int32_t unused  # the first unused block, -1 without one
    int64_t horizon  # the best key cut


cdef struct Spot:
    Py_ssize_t slot  # of a shelf's block
    Py_ssize_t index  # in the block, before the level that is one better


cdef struct Cursor:
    Spot over
    Py_ssize_t place
    Spot far


cdef inline uint64_t place_of(const Side *side, int64_t key) noexcept nogil:
    """The place of a key; beyond every width when it is outside the window or between ticks (exact division)."""
    cdef uint64_t product = (<uint64_t>key - <uint64_t>side.base) * side.inverse
    return (product >> side.shift) | (product << ((64 - side.shift) & 63))


cdef inline int64_t key_of(const Side *side, Py_ssize_t place) noexcept nogil:
    """The key of a place."""
    return <int64_t>(<uint64_t>side.base + <uint64_t>place * side.step)


cdef inline Py_ssize_t below(const Side *side, Py_ssize_t place) noexcept nogil:
    """The place of the best level below this place; -1 without one."""
    cdef Py_ssize_t word = place >> 6
    cdef Py_ssize_t group = word >> 6
    cdef uint64_t bits = side.words[word] & ((<uint64_t>1 << (place & 63)) - 1)
    if bits:
        return (word << 6) | sy_highest(bits)
    bits = side.groups[group] & ((<uint64_t>1 << (word & 63)) - 1)
    while bits == 0:
        group -= 1
        if group < 0:
            return -1
        bits = side.groups[group]
    word = (group << 6) | sy_highest(bits)
    return (word << 6) | sy_highest(side.words[word])


cdef inline Py_ssize_t lowest(const Side *side) noexcept nogil:
    """The place of the worst level in the window; -1 without one."""
    cdef Py_ssize_t group, word
    for group in range(GROUPS):
        if side.groups[group]:
            word = (group << 6) | sy_lowest(side.groups[group])
            return (word << 6) | sy_lowest(side.words[word])
    return -1


cdef inline void write(Side *side, Py_ssize_t place, int64_t size) noexcept nogil:
    """Store a size in the window, without a branch: a processor cannot predict whether a level is there."""
    cdef Py_ssize_t word = place >> 6
    cdef Py_ssize_t group = word >> 6
    cdef uint64_t bits = side.words[word] & ~(<uint64_t>1 << (place & 63))
    bits |= <uint64_t>(size != 0) << (place & 63)
    side.near[place] = size
    side.words[word] = bits
    side.groups[group] = (side.groups[group] & ~(<uint64_t>1 << (word & 63))) | (<uint64_t>(bits != 0) << (word & 63))


cdef inline Spot top_of(const Shelf *shelf) noexcept nogil:
    """Before a shelf's best level, without reading its blocks: most walks end in the window."""
    cdef Spot spot
    spot.slot = shelf.blocks
    spot.index = 0
    return spot


cdef inline bint step_down(
    const Side *side, const Shelf *shelf, Spot *spot, int64_t *key, int64_t *size
) noexcept nogil:
    """The next level of a shelf, best first; False after the worst."""
    cdef const Block *block
    if spot.index == 0:
        spot.slot -= 1
        if spot.slot < 0:
            spot.slot = 0
            return False
        spot.index = side.pool[shelf.order[spot.slot]].count
    block = &side.pool[shelf.order[spot.slot]]
    spot.index -= 1
    key[0] = block.key[spot.index]
    size[0] = block.size[spot.index]
    return True


cdef inline Cursor first(const Side *side) noexcept nogil:
    """Before the best level."""
    cdef Cursor cursor
    cursor.over = top_of(&side.over)
    cursor.place = side.best
    cursor.far = top_of(&side.far)
    return cursor


cdef inline bint step_on(const Side *side, Cursor *cursor, int64_t *key, int64_t *size) noexcept nogil:
    """The next level, best first; False after the worst."""
    if side.over.count and step_down(side, &side.over, &cursor.over, key, size):
        return True
    if cursor.place >= 0:
        key[0] = key_of(side, cursor.place)
        size[0] = side.near[cursor.place]
        cursor.place = below(side, cursor.place)
        return True
    return side.far.count > 0 and step_down(side, &side.far, &cursor.far, key, size)


cdef inline bint best_of(const Side *side, int64_t *key, int64_t *size) noexcept nogil:
    """The best level; False on an empty side."""
    cdef Cursor cursor
    if side.over.count == 0 and side.best >= 0:
        key[0] = key_of(side, side.best)
        size[0] = side.near[side.best]
        return True
    cursor = first(side)
    return step_on(side, &cursor, key, size)


cdef inline int64_t worst_of(const Side *side) noexcept nogil:
    """The key of the worst level of a side that has one."""
    if side.far.count:
        return side.pool[side.far.order[0]].key[0]
    return key_of(side, lowest(side)) if side.best >= 0 else side.pool[side.over.order[0]].key[0]


cdef inline uint64_t distance(int64_t one, int64_t other) noexcept nogil:
    """How far apart two keys are."""
    return <uint64_t>one - <uint64_t>other if one > other else <uint64_t>other - <uint64_t>one


cdef inline uint64_t common(uint64_t one, uint64_t other) noexcept nogil:
    """The greatest common divisor; of 0 and a number, the number."""
    while other:
        one, other = other, one % other
    return one


cdef inline uint64_t inverse_of(uint64_t odd) noexcept nogil:
    """The number that undoes a multiplication by this one modulo 2^64; each round doubles the bits that are right."""
    cdef uint64_t inverse = odd
    cdef int _
    for _ in range(5):
        inverse *= 2 - odd * inverse
    return inverse


cdef inline int64_t base_for(int64_t key, uint64_t step) noexcept nogil:
    """A base that puts a key at HOME, or as near as a window within 64 bits can."""
    cdef wide_t base = <wide_t>key - <wide_t>step * HOME
    cdef wide_t over = base + <wide_t>step * (WINDOW - 1) - INT64_MAX
    if base < INT64_MIN:
        base += (INT64_MIN - base + step - 1) // step * step
    elif over > 0:
        base -= (over + step - 1) // step * step
    return <int64_t>base


cdef inline int32_t take_block(Side *side) noexcept nogil:
    """An empty block; there is always one, because the number of levels is bounded by `room`."""
    cdef int32_t taken = side.unused
    sy_assert(taken >= 0)
    side.unused = side.pool[taken].count
    side.pool[taken].count = 0
    return taken


cdef inline void add_block(Side *side, Shelf *shelf, Py_ssize_t slot) noexcept nogil:
    """Put an empty block at a slot."""
    memmove(shelf.order + slot + 1, shelf.order + slot, (shelf.blocks - slot) * sizeof(int32_t))
    shelf.order[slot] = take_block(side)
    shelf.blocks += 1


cdef inline void drop_block(Side *side, Shelf *shelf, Py_ssize_t slot) noexcept nogil:
    """Remove the block at a slot; its levels were moved or removed before."""
    cdef int32_t dropped = shelf.order[slot]
    shelf.blocks -= 1
    memmove(shelf.order + slot, shelf.order + slot + 1, (shelf.blocks - slot) * sizeof(int32_t))
    side.pool[dropped].count = side.unused
    side.unused = dropped


cdef inline void move(
    Block *to, Py_ssize_t target, const Block *of, Py_ssize_t source, Py_ssize_t count
) noexcept nogil:
    """Copy levels of a block into itself or into another one."""
    sy_assert(count >= 0 and target >= 0 and target + count <= BLOCK)
    memmove(to.key + target, of.key + source, count * sizeof(int64_t))
    memmove(to.size + target, of.size + source, count * sizeof(int64_t))


cdef inline void merge(Side *side, Shelf *shelf, Py_ssize_t slot) noexcept nogil:
    """Merge the block at a slot and the next one, if both together fill at most half a block."""
    cdef Block *one
    cdef Block *other
    if slot < 0 or slot + 1 >= shelf.blocks:
        return
    one, other = &side.pool[shelf.order[slot]], &side.pool[shelf.order[slot + 1]]
    if one.count + other.count <= BLOCK // 2:
        move(one, one.count, other, 0, other.count)
        one.count += other.count
        drop_block(side, shelf, slot + 1)


cdef inline void push(Side *side, Shelf *shelf, int64_t key, int64_t size) noexcept nogil:
    """Add a level that is better than all of the shelf."""
    cdef Block *block
    if shelf.blocks == 0 or side.pool[shelf.order[shelf.blocks - 1]].count == BLOCK:
        add_block(side, shelf, shelf.blocks)
    block = &side.pool[shelf.order[shelf.blocks - 1]]
    block.key[block.count] = key
    block.size[block.count] = size
    block.count += 1
    shelf.count += 1


cdef inline void pop(Side *side, Shelf *shelf) noexcept nogil:
    """Remove the shelf's best level."""
    cdef Block *block = &side.pool[shelf.order[shelf.blocks - 1]]
    block.count -= 1
    shelf.count -= 1
    if block.count == 0:
        drop_block(side, shelf, shelf.blocks - 1)


cdef inline Spot find(const Side *side, const Shelf *shelf, int64_t key) noexcept nogil:
    """The shelf's first level whose key is not below `key`, or the end of its last block."""
    cdef Spot spot
    cdef const Block *block
    cdef Py_ssize_t half, length = shelf.blocks - 1
    spot.slot = spot.index = 0
    if shelf.blocks == 0:
        return spot
    while length > 0:
        half = length >> 1
        block = &side.pool[shelf.order[spot.slot + half]]
        if block.key[block.count - 1] < key:
            spot.slot += half + 1
            length -= half + 1
        else:
            length = half
    block = &side.pool[shelf.order[spot.slot]]
    length = block.count
    while length > 0:
        half = length >> 1
        if block.key[spot.index + half] < key:
            spot.index += half + 1
            length -= half + 1
        else:
            length = half
    return spot


cdef inline int64_t *size_at(Side *side, Shelf *shelf, Spot spot, int64_t key) noexcept nogil:
    """The address of the size of a shelf's level; NULL when the shelf has no level of this key."""
    cdef Block *block
    if shelf.blocks == 0:
        return NULL
    block = &side.pool[shelf.order[spot.slot]]
    return &block.size[spot.index] if spot.index < block.count and block.key[spot.index] == key else NULL


cdef inline void insert(Side *side, Shelf *shelf, Spot spot, int64_t key, int64_t size) noexcept nogil:
    """Insert a level before the one at a spot, in a block that is split when it is full."""
    cdef Block *block
    cdef Block *more
    if shelf.blocks == 0:
        add_block(side, shelf, 0)
    elif side.pool[shelf.order[spot.slot]].count == BLOCK:
        add_block(side, shelf, spot.slot + 1)
        block, more = &side.pool[shelf.order[spot.slot]], &side.pool[shelf.order[spot.slot + 1]]
        # a side whose levels arrive in order fills its blocks: either the whole full block moves, or no level of it
        block.count = 0 if spot.index == 0 and spot.slot == 0 else BLOCK if spot.index == BLOCK else BLOCK // 2
        more.count = BLOCK - block.count
        move(more, 0, block, block.count, more.count)
        if spot.index > block.count or block.count == BLOCK:
            spot.index -= block.count
            spot.slot += 1
    block = &side.pool[shelf.order[spot.slot]]
    move(block, spot.index + 1, block, spot.index, block.count - spot.index)
    block.key[spot.index] = key
    block.size[spot.index] = size
    block.count += 1
    shelf.count += 1


cdef inline void remove(Side *side, Shelf *shelf, Spot spot) noexcept nogil:
    """Remove the level at a spot."""
    cdef Block *block = &side.pool[shelf.order[spot.slot]]
    block.count -= 1
    shelf.count -= 1
    move(block, spot.index, block, spot.index + 1, block.count - spot.index)
    if block.count == 0:
        drop_block(side, shelf, spot.slot)
        return
    merge(side, shelf, spot.slot)
    merge(side, shelf, spot.slot - 1)


cdef inline void empty_shelf(Side *side, Shelf *shelf) noexcept nogil:
    """Forget a shelf's levels."""
    while shelf.blocks:
        drop_block(side, shelf, shelf.blocks - 1)
    shelf.count = 0


cdef inline void spill(Side *side) noexcept nogil:
    """Move every level of the window and above it to the far shelf."""
    cdef Py_ssize_t place = lowest(side) if side.best >= 0 else -1
    cdef Py_ssize_t slot
    cdef int32_t i
    cdef const Block *block
    while place >= 0:
        push(side, &side.far, key_of(side, place), side.near[place])
        write(side, place, 0)
        place = lowest(side)
    side.best = -1
    for slot in range(side.over.blocks):
        block = &side.pool[side.over.order[slot]]
        for i in range(block.count):
            push(side, &side.far, block.key[i], block.size[i])
    empty_shelf(side, &side.over)


cdef inline void fill(Side *side) noexcept nogil:
    """Move the far levels that are in the window into it; no level may be above it."""
    cdef Spot spot = top_of(&side.far)
    cdef int64_t key, size
    cdef uint64_t place
    while step_down(side, &side.far, &spot, &key, &size) and key >= side.base:
        place = place_of(side, key)
        sy_assert(place < side.width)
        write(side, <Py_ssize_t>place, size)
        side.best = max(side.best, <Py_ssize_t>place)
        pop(side, &side.far)


cdef inline void place_window(Side *side, int64_t key) noexcept nogil:
    """Put the window around what is, or is about to be, the best key."""
    spill(side)
    side.credit = 0
    side.step = max(side.unit, <uint64_t>1)
    if side.unit == 0:
        side.width = 1
        side.base = key
    else:
        side.width = WINDOW
        side.base = base_for(key, side.step)
    side.shift = sy_lowest(side.step)
    side.inverse = inverse_of(side.step >> side.shift)
    fill(side)


cdef inline void follow_best(Side *side) noexcept nogil:
    """Move the window to the best level, once there were enough changes outside of it."""
    cdef int64_t key, size
    if side.over.count == 0 and (side.best >= LOW or side.far.count == 0):
        return
    side.credit += 1
    if side.credit * MOVED >= side.count and best_of(side, &key, &size):
        place_window(side, key)


cdef inline Py_ssize_t blocks_for(Py_ssize_t room) noexcept nogil:
    """How many blocks so many levels may need: a quarter full each, on two shelves, and all of them twice in a move."""
    return room // (BLOCK // 8) + 16


cdef inline bint reserve(Side *side, Py_ssize_t room) noexcept nogil:
    """Reserve memory for this many levels; False, and nothing changes, when the memory is not available."""
    cdef Py_ssize_t blocks = blocks_for(room), before = blocks_for(side.room) if side.room else 0
    cdef int32_t number
    cdef Block *pool = <Block *>realloc(side.pool, blocks * sizeof(Block))
    cdef int32_t *over
    cdef int32_t *far
    if pool == NULL:
        return False
    side.pool = pool
    over = <int32_t *>realloc(side.over.order, blocks * sizeof(int32_t))
    if over == NULL:
        return False
    side.over.order = over
    far = <int32_t *>realloc(side.far.order, blocks * sizeof(int32_t))
    if far == NULL:
        return False
    side.far.order = far
    for number in range(<int32_t>before, <int32_t>blocks):
        pool[number].count = side.unused
        side.unused = number
    side.room = side.open_room = room
    return True


cdef inline void drop_worst(Side *side) noexcept nogil:
    """Forget the worst level."""
    cdef Spot spot
    cdef Py_ssize_t place
    side.count -= 1
    spot.slot = spot.index = 0
    if side.far.count:
        remove(side, &side.far, spot)
    elif side.best >= 0:
        place = lowest(side)
        write(side, place, 0)
        if place == side.best:
            side.best = -1
    else:
        remove(side, &side.over, spot)


cdef inline void cut_side(Side *side, Py_ssize_t depth) noexcept nogil:
    """Keep the best `depth` levels."""
    while side.count > depth:
        drop_worst(side)


cdef inline bint make_place(Side *side, int64_t key, Py_ssize_t limit, int64_t *refused) noexcept nogil:
    """Room for one more level, at the limit by dropping the worst; False for a level at the horizon or worse."""
    cdef int64_t worst
    cdef bint is_cut = side.open_room < 0
    if is_cut and key <= side.horizon:
        refused[0] += 1
        return False
    if side.count < side.room or (side.room < limit and reserve(side, min(side.room * 2, limit))):
        if is_cut:
            side.open_room = -1
        return True
    refused[0] += 1
    worst = worst_of(side)
    side.horizon = max(min(key, worst), side.horizon) if is_cut else min(key, worst)
    side.open_room = -1
    if key < worst:
        return False
    drop_worst(side)
    return True


cdef inline void insert_outside(Side *side, int64_t key, int64_t size) noexcept nogil:
    """Insert a level that is not in the window: the first of all, one between the ticks, or one for a shelf."""
    cdef uint64_t unit = common(side.unit, distance(key, side.base)) if side.width else 0
    cdef int64_t best, ignored
    cdef Shelf *shelf
    if unit > STEP_MAX:
        unit = common(unit, STEP_MAX)
    if side.count == 0 or unit != side.unit:
        side.unit = unit
        place_window(side, max(key, best) if best_of(side, &best, &ignored) else key)
    side.count += 1
    if place_of(side, key) < side.width:
        write(side, <Py_ssize_t>place_of(side, key), size)
        side.best = max(side.best, <Py_ssize_t>place_of(side, key))
        return
    shelf = &side.over if key > side.base else &side.far
    insert(side, shelf, find(side, shelf, key), key, size)
    follow_best(side)


cdef inline int64_t put_outside(
    Side *side, int64_t key, int64_t size, Py_ssize_t limit, int64_t *refused
) noexcept nogil:
    """Set, insert or remove a level that is not in the window; the size it had before."""
    cdef Shelf *shelf = &side.over if key > side.base else &side.far
    cdef Spot spot = find(side, shelf, key)
    cdef int64_t *there = size_at(side, shelf, spot, key)
    cdef int64_t before
    if there == NULL:
        if size and make_place(side, key, limit, refused):
            insert_outside(side, key, size)
        return 0
    before = there[0]
    there[0] = size
    if size == 0:
        side.count -= 1
        remove(side, shelf, spot)
    follow_best(side)
    return before


cdef inline int64_t put_key(Side *side, int64_t key, int64_t size, Py_ssize_t limit, int64_t *refused) noexcept nogil:
    """Set, insert or remove one level; the size it had before."""
    cdef uint64_t place = place_of(side, key)
    cdef int64_t before
    cdef Py_ssize_t grown
    if place >= side.width:
        return put_outside(side, key, size, limit, refused)
    before = side.near[place]
    grown = (size != 0) - (before != 0)
    if side.count + grown > side.open_room and grown > 0 and not make_place(side, key, limit, refused):
        return 0
    write(side, <Py_ssize_t>place, size)
    side.count += grown
    if <Py_ssize_t>place >= side.best:
        side.best = <Py_ssize_t>place if size else below(side, <Py_ssize_t>place)
        if side.best < LOW and side.far.count:
            follow_best(side)
    return before


cdef inline void empty_side(Side *side) noexcept nogil:
    """Forget every level, and the tick with them."""
    cdef Py_ssize_t place = side.best
    while place >= 0:
        write(side, place, 0)
        place = below(side, place)
    side.best = -1
    empty_shelf(side, &side.over)
    empty_shelf(side, &side.far)
    side.count = side.credit = 0
    side.width = side.unit = 0
    side.open_room = side.room


cdef inline bint open_side(Side *side, Py_ssize_t limit) noexcept:
    """Reserve a side's memory; False when it is not available. Unused memory uses no pages."""
    memset(side, 0, sizeof(Side))
    side.best = side.unused = -1
    side.near = <int64_t *>calloc(WINDOW, sizeof(int64_t))
    side.words = <uint64_t *>calloc(WORDS, sizeof(uint64_t))
    return side.near != NULL and side.words != NULL and reserve(side, min(FIRST_ROOM, limit))


cdef inline void close_side(Side *side) noexcept:
    """Give a side's memory back."""
    free(side.pool)
    free(side.over.order)
    free(side.far.order)
    free(side.near)
    free(side.words)


cdef inline bint hollow(const Side *side, Py_ssize_t limit) noexcept nogil:
    """Whether levels were cut, and so many better ones have gone since that the rest may soon be needed."""
    return side.open_room < 0 and side.count <= limit // 2


cdef inline Cursor cursor_after(const Side *side, int64_t key) noexcept nogil:
    """Before the best level that is worse than a key, which need not be a level's."""
    cdef Cursor cursor = first(side)
    if side.over.count and key > side.pool[side.over.order[0]].key[0]:
        cursor.over = find(side, &side.over, key)
        return cursor
    cursor.over.slot = cursor.over.index = 0
    if side.best >= 0 and key > key_of(side, side.best):
        return cursor
    if side.best >= 0 and key >= side.base:
        cursor.place = below(side, <Py_ssize_t>((<uint64_t>key - <uint64_t>side.base + side.step - 1) // side.step))
        return cursor
    cursor.place = -1
    if side.far.blocks:
        cursor.far = find(side, &side.far, key)
    return cursor
