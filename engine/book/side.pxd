# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One side of a book: a window of ticks around the best price, and flat sorted arrays for what lies behind it.

    far   keys    worst … … … worst but one            ascending; what is below the window's base
    near  sizes   base ┊·7··3·52·┊······ best ····┊    one place a tick; 0 is no level
          words        one bit a place, groups one bit a word: the next level is three instructions away

A key rises with how good the price is: the price of a bid, the negated price of an ask. A change in the window is a
multiplication, two stores and two bits, whatever the depth of the book. The best level is always in the window: one
above it moves the window up, and a best that sinks into its lowest quarter moves it down. So every level in the window
is better than every far one, and a walk is the window and then the far levels.

The tick is the greatest common divisor of the distances of all keys since the side was emptied, so that nobody has to
know the venue's price step, and a finer price only makes the window anew. A divisor beyond STEP_MAX is replaced by its
common divisor with STEP_MAX: tick and window's step are one number, so that every key, and the base, lies on one grid.

Bounds: `place_of` gives a place inside the window for a key on its grid and at least `width` for any other 64-bit key,
and every write to the window or to the far arrays is behind a comparison with the bound, or behind `sy_assert`.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memmove, memset


cdef extern from *:
    """
    #include <stdio.h>
    #include <stdlib.h>
    typedef __int128 wide_t;
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
    ctypedef long long wide_t
    int sy_highest(uint64_t word) nogil
    int sy_lowest(uint64_t word) nogil
    void sy_assert(bint condition) nogil


cdef enum:
    WINDOW = 1 << 16  # ticks: 19 of 20 changes of a deep book on a fine tick; memory that no level touched is not real
    WORDS = WINDOW >> 6
    GROUPS = WINDOW >> 12
    HOME = WINDOW // 4 * 3  # where the best stands when the window is placed
    LOW = WINDOW // 4  # a best below this place moves the window
    FIRST_ROOM = 1024
    STEP_MAX = 100_000_000_000_000  # a window of them fits into 64 bits, and decimal ticks share it


cdef struct Side:
    Py_ssize_t count  # of all levels
    Py_ssize_t best  # place of the best level, -1 when there is none
    int64_t base  # key of place 0
    uint64_t step  # key distance of two places
    uint64_t inverse  # of the step's odd part, modulo 2^64
    int shift  # of the step's even part
    uint64_t width  # places in use: 0 before the first level, 1 while no tick is known
    uint64_t unit  # the tick, at most STEP_MAX; 0 while none is known, and then the step is 1
    int64_t *near
    uint64_t *words
    uint64_t[GROUPS] groups
    Py_ssize_t far_count
    int64_t *far_key
    int64_t *far_size
    Py_ssize_t room  # of the far arrays: never less than `count`, so that the window can be emptied into them


cdef struct Cursor:
    Py_ssize_t place
    Py_ssize_t far


cdef inline uint64_t place_of(const Side *side, int64_t key) noexcept nogil:
    """The place of a key; beyond every width when it is outside the window or between ticks (exact division)."""
    cdef uint64_t product = (<uint64_t>key - <uint64_t>side.base) * side.inverse
    return (product >> side.shift) | (product << ((64 - side.shift) & 63))


cdef inline int64_t key_of(const Side *side, Py_ssize_t place) noexcept nogil:
    """The key of a place."""
    return <int64_t>(<uint64_t>side.base + <uint64_t>place * side.step)


cdef inline Py_ssize_t below(const Side *side, Py_ssize_t place) noexcept nogil:
    """The best level's place below this one; -1 when there is none."""
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
    """The worst level's place in the window; -1 when there is none."""
    cdef Py_ssize_t group, word
    for group in range(GROUPS):
        if side.groups[group]:
            word = (group << 6) | sy_lowest(side.groups[group])
            return (word << 6) | sy_lowest(side.words[word])
    return -1


cdef inline void write(Side *side, Py_ssize_t place, int64_t size) noexcept nogil:
    """Store a size in the window, without a branch: whether a level is there is not to be guessed."""
    cdef Py_ssize_t word = place >> 6
    cdef Py_ssize_t group = word >> 6
    cdef uint64_t bits = side.words[word] & ~(<uint64_t>1 << (place & 63))
    bits |= <uint64_t>(size != 0) << (place & 63)
    side.near[place] = size
    side.words[word] = bits
    side.groups[group] = (side.groups[group] & ~(<uint64_t>1 << (word & 63))) | (<uint64_t>(bits != 0) << (word & 63))


cdef inline Cursor first(const Side *side) noexcept nogil:
    """Before the best level."""
    cdef Cursor cursor
    cursor.place = side.best
    cursor.far = side.far_count
    return cursor


cdef inline bint step_on(const Side *side, Cursor *cursor, int64_t *key, int64_t *size) noexcept nogil:
    """The next level, best first; False behind the worst."""
    if cursor.place >= 0:
        key[0] = key_of(side, cursor.place)
        size[0] = side.near[cursor.place]
        cursor.place = below(side, cursor.place)
        return True
    if cursor.far == 0:
        return False
    cursor.far -= 1
    key[0] = side.far_key[cursor.far]
    size[0] = side.far_size[cursor.far]
    return True


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


cdef inline void spill(Side *side) noexcept nogil:
    """Empty the window into the far arrays."""
    cdef Py_ssize_t place = side.best
    cdef Py_ssize_t i = side.count
    sy_assert(side.count <= side.room)
    while place >= 0:
        i -= 1
        side.far_key[i] = key_of(side, place)
        side.far_size[i] = side.near[place]
        write(side, place, 0)
        place = below(side, place)
    sy_assert(i == side.far_count)
    side.far_count = side.count
    side.best = -1


cdef inline void fill(Side *side) noexcept nogil:
    """Take the far levels that are in the window; nothing may be above it."""
    cdef Py_ssize_t i = side.far_count
    cdef uint64_t place
    while i > 0 and side.far_key[i - 1] >= side.base:
        i -= 1
        place = place_of(side, side.far_key[i])
        sy_assert(place < side.width)
        write(side, <Py_ssize_t>place, side.far_size[i])
    if i < side.far_count:
        side.best = <Py_ssize_t>place_of(side, side.far_key[side.far_count - 1])
    side.far_count = i


cdef inline void place_window(Side *side, int64_t key) noexcept nogil:
    """Put the window around what is, or is about to be, the best key."""
    spill(side)
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


cdef inline bint grow(Side *side, Py_ssize_t limit) noexcept nogil:
    """Make room for more levels; False at the limit or without memory."""
    cdef Py_ssize_t room = min(side.room * 2, limit)
    cdef int64_t *key
    cdef int64_t *size
    if side.room >= limit:
        return False
    key = <int64_t *>realloc(side.far_key, room * sizeof(int64_t))
    if key == NULL:
        return False
    side.far_key = key
    size = <int64_t *>realloc(side.far_size, room * sizeof(int64_t))
    if size == NULL:
        return False
    side.far_size = size
    side.room = room
    return True


cdef inline void move(Side *side, Py_ssize_t target, Py_ssize_t source, Py_ssize_t count) noexcept nogil:
    """Shift `count` far levels."""
    memmove(side.far_key + target, side.far_key + source, count * sizeof(int64_t))
    memmove(side.far_size + target, side.far_size + source, count * sizeof(int64_t))


cdef inline void drop_far(Side *side, Py_ssize_t count) noexcept nogil:
    """Forget the worst `count` far levels."""
    side.far_count -= count
    side.count -= count
    move(side, 0, count, side.far_count)


cdef inline void drop_near(Side *side) noexcept nogil:
    """Forget the worst level of the window."""
    cdef Py_ssize_t place = lowest(side)
    write(side, place, 0)
    side.count -= 1
    if place == side.best:
        side.best = -1


cdef inline void cut_side(Side *side, Py_ssize_t depth) noexcept nogil:
    """Keep the best `depth` levels."""
    cdef Py_ssize_t extra = side.count - depth
    if extra > 0 and side.far_count:
        drop_far(side, min(extra, side.far_count))
    while side.count > depth:
        drop_near(side)


cdef inline bint make_place(Side *side, int64_t key, Py_ssize_t limit, int64_t *refused) noexcept nogil:
    """Room for one more level, at the limit by forgetting the worst; False when the new one would be the worst."""
    if side.count < side.room or grow(side, limit):
        return True
    refused[0] += 1
    if key < (side.far_key[0] if side.far_count else key_of(side, lowest(side))):
        return False
    cut_side(side, side.count - 1)
    return True


cdef inline Py_ssize_t find_far(const Side *side, int64_t key) noexcept nogil:
    """The place of the first far level whose key is not below `key`."""
    cdef Py_ssize_t low = 0, half, length = side.far_count
    while length > 0:
        half = length >> 1
        if side.far_key[low + half] < key:
            low += half + 1
            length -= half + 1
        else:
            length = half
    return low


cdef inline void insert_far(Side *side, int64_t key, int64_t size) noexcept nogil:
    """Insert a far level."""
    cdef Py_ssize_t place = find_far(side, key)
    sy_assert(side.far_count < side.room)
    sy_assert(key < side.base)
    move(side, place + 1, place, side.far_count - place)
    side.far_key[place] = key
    side.far_size[place] = size
    side.far_count += 1
    side.count += 1


cdef inline int64_t change_far(Side *side, Py_ssize_t place, int64_t size) noexcept nogil:
    """Set or remove a far level; the size it had before."""
    cdef int64_t before = side.far_size[place]
    side.far_size[place] = size
    if size == 0:
        side.far_count -= 1
        side.count -= 1
        move(side, place, place + 1, side.far_count - place)
    return before


cdef inline void insert_outside(Side *side, int64_t key, int64_t size) noexcept nogil:
    """Insert a level that is not in the window: far, or a reason to make the window anew."""
    cdef uint64_t unit = common(side.unit, distance(key, side.base)) if side.width else 0
    if unit > STEP_MAX:
        unit = common(unit, STEP_MAX)
    if side.count == 0 or unit != side.unit or key > side.base:
        side.unit = unit
        place_window(side, max(key, key_of(side, side.best)) if side.count else key)
    if place_of(side, key) >= side.width:
        insert_far(side, key, size)
        return
    write(side, <Py_ssize_t>place_of(side, key), size)
    side.best = max(side.best, <Py_ssize_t>place_of(side, key))
    side.count += 1


cdef inline int64_t put_outside(
    Side *side, int64_t key, int64_t size, Py_ssize_t limit, int64_t *refused
) noexcept nogil:
    """Set, insert or remove a level that is not in the window; the size it had before."""
    cdef Py_ssize_t place = find_far(side, key)
    if place < side.far_count and side.far_key[place] == key:
        return change_far(side, place, size)
    if size and make_place(side, key, limit, refused):
        insert_outside(side, key, size)
    return 0


cdef inline int64_t put_key(Side *side, int64_t key, int64_t size, Py_ssize_t limit, int64_t *refused) noexcept nogil:
    """Set, insert or remove one level; the size it had before."""
    cdef uint64_t place = place_of(side, key)
    cdef int64_t before
    if place >= side.width:
        return put_outside(side, key, size, limit, refused)
    before = side.near[place]
    if side.count + (size != 0) - (before != 0) > side.room and not make_place(side, key, limit, refused):
        return 0
    write(side, <Py_ssize_t>place, size)
    side.count += (size != 0) - (before != 0)
    if <Py_ssize_t>place >= side.best:
        side.best = <Py_ssize_t>place if size else below(side, <Py_ssize_t>place)
        if side.best < LOW and side.far_count:
            place_window(side, key_of(side, side.best) if side.best >= 0 else side.far_key[side.far_count - 1])
    return before


cdef inline void empty_side(Side *side) noexcept nogil:
    """Forget every level, and the tick with them."""
    spill(side)
    side.count = side.far_count = 0
    side.width = side.unit = 0


cdef inline bint open_side(Side *side, Py_ssize_t limit) noexcept:
    """Reserve a side's memory; False when there is none. What the window does not use stays unreal."""
    memset(side, 0, sizeof(Side))
    side.best = -1
    side.room = min(FIRST_ROOM, limit)
    side.far_key = <int64_t *>malloc(side.room * sizeof(int64_t))
    side.far_size = <int64_t *>malloc(side.room * sizeof(int64_t))
    side.near = <int64_t *>calloc(WINDOW, sizeof(int64_t))
    side.words = <uint64_t *>calloc(WORDS, sizeof(uint64_t))
    return side.far_key != NULL and side.far_size != NULL and side.near != NULL and side.words != NULL


cdef inline void close_side(Side *side) noexcept:
    """Give a side's memory back."""
    free(side.far_key)
    free(side.far_size)
    free(side.near)
    free(side.words)


cdef inline Cursor behind(const Side *side, int64_t key) noexcept nogil:
    """Before the best level that is worse than a key, which need not be a level's."""
    cdef Cursor cursor = first(side)
    if side.best < 0 or key > key_of(side, side.best):
        return cursor
    if key >= side.base:
        cursor.place = below(side, <Py_ssize_t>((<uint64_t>key - <uint64_t>side.base + side.step - 1) // side.step))
    else:
        cursor.place = -1
        cursor.far = find_far(side, key)
    return cursor
