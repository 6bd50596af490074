# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A book of single orders: each order's place in the queue of its price, and the levels, which are their sums.

    ids     ─▶ order ┐             (side, price) ─▶ queue: first ⇄ order ⇄ order ⇄ last
                     └ level ──────────────────────▶       total ─▶ the level in `levels`

Priority is price, then time: an order joins its price's queue at the end, keeps its place when it becomes smaller, and
loses it when it becomes larger or changes its price. A venue that sends orders out of turn (when a level comes back
into the subscribed depth) gives each order the stamp of its place; an order joins before those with a later stamp.
Sizes of levels are the exact sums of their orders.

Every change costs the same at every depth of the book and of the queue, with two exceptions: `place` walks the
queue, and an order that joins passes those with later stamps. No Python object is made for an order. Memory is bounded:
beyond `order_limit` an order is refused. A change that contradicts the book (an unknown id, an id that is known
already, a match larger than the order) is refused as well. A refused change changes nothing and returns False: the book
is then not the venue's, and its owner decides what follows.
"""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint64_t
from libc.stdlib cimport free, realloc

from engine.book.book cimport Book
from engine.book.side cimport Cursor, Side, first, step_on
from engine.book.table cimport (
    NOWHERE, ROOM_MAX, add_entry, close_table, empty_table, find_entry, grow_table, open_table, remove_entry,
)

cdef extern from *:
    bint add_overflows "__builtin_add_overflow"(int64_t, int64_t, int64_t *) nogil

cdef enum:
    FIRST_ROOM = 1024

ID_END = 1 << 128
LOW_WORD = (1 << 64) - 1


cdef class OrderBook:
    """One instrument's orders; side +1 is bids, -1 asks. Ids are any 128 bits."""

    def __cinit__(self, Py_ssize_t order_limit=1 << 20):
        if not 1 <= order_limit <= ROOM_MAX:
            raise ValueError(f"order_limit must be in 1..{ROOM_MAX}, was {order_limit}")
        self.order_limit = order_limit
        self.levels = Book(order_limit)
        if not open_table(&self.ids, FIRST_ROOM) or not open_table(&self.prices, FIRST_ROOM):
            raise MemoryError("no memory for a book's first orders")
        self.orders = <Resting *>realloc(NULL, FIRST_ROOM * sizeof(Resting))
        self.queues = <Queue *>realloc(NULL, FIRST_ROOM * sizeof(Queue))
        if self.orders == NULL or self.queues == NULL:
            raise MemoryError("no memory for a book's first orders")

    def __dealloc__(self):
        close_table(&self.ids)
        close_table(&self.prices)
        free(self.orders)
        free(self.queues)

    cdef bint enter(
        self, uint64_t high, uint64_t low, int side, int64_t price, int64_t size, int64_t stamp_ns
    ) noexcept nogil:
        """Add an order at the end of its price's queue, but before orders with later stamps."""
        cdef int32_t entry
        self.change_count = 0
        if size <= 0 or price == INT64_MIN or find_entry(&self.ids, high, low) != NOWHERE:
            return False
        if not self.fits(side, price, size) or not self.order_room() or not self.level_room():
            return False
        entry = add_entry(&self.ids, high, low)
        self.orders[entry].side = side
        self.orders[entry].price = price
        self.orders[entry].size = size
        self.orders[entry].stamp_ns = stamp_ns
        self.join(entry)
        return True

    cdef bint reduce(self, uint64_t high, uint64_t low, int64_t size) noexcept nogil:
        """Reduce an order by a match; remove it when nothing is left."""
        cdef int32_t entry = find_entry(&self.ids, high, low)
        self.change_count = 0
        if entry == NOWHERE or size <= 0 or size > self.orders[entry].size:
            return False
        return self.alter(high, low, self.orders[entry].price, self.orders[entry].size - size, 0)

    cdef bint alter(self, uint64_t high, uint64_t low, int64_t price, int64_t size, int64_t stamp_ns) noexcept nogil:
        """Change an order's price or size. It keeps its place only if it becomes smaller at the same price."""
        cdef int32_t entry = find_entry(&self.ids, high, low)
        cdef Resting *order
        self.change_count = 0
        if entry == NOWHERE or size < 0 or price == INT64_MIN:
            return False
        if size == 0:
            return self.drop(high, low)
        order = &self.orders[entry]
        if price == order.price and size <= order.size:
            self.resize(order.level, order.side, price, size - order.size)
            order.size = size
            return True
        if not self.fits(order.side, price, size - (order.size if price == order.price else 0)):
            return False
        if not self.level_room():
            return False
        self.part(entry)
        order.price = price
        order.size = size
        order.stamp_ns = stamp_ns
        self.join(entry)
        return True

    cdef bint drop(self, uint64_t high, uint64_t low) noexcept nogil:
        """Remove an order."""
        cdef int32_t entry = find_entry(&self.ids, high, low)
        self.change_count = 0
        if entry == NOWHERE:
            return False
        self.part(entry)
        remove_entry(&self.ids, entry)
        return True

    cdef const Resting *find(self, uint64_t high, uint64_t low) noexcept nogil:
        """The order with this id; NULL when the book does not have it."""
        cdef int32_t entry = find_entry(&self.ids, high, low)
        return NULL if entry == NOWHERE else &self.orders[entry]

    cdef void empty(self) noexcept nogil:
        """Forget every order."""
        empty_table(&self.ids)
        empty_table(&self.prices)
        self.levels.empty()
        self.change_count = 0

    cdef void cut(self, Py_ssize_t depth) noexcept nogil:
        """Keep the best `depth` levels a side, and their orders."""
        self.cut_side(1, &self.levels.bids, depth)
        self.cut_side(-1, &self.levels.asks, depth)
        self.levels.cut(depth)

    cdef void cut_side(self, int side, const Side *levels, Py_ssize_t depth) noexcept nogil:
        """Remove the orders of a side's levels that are about to be removed."""
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        cdef Py_ssize_t place = 0
        if levels.count <= depth:
            return
        while step_on(levels, &cursor, &key, &size):
            place += 1
            if place > depth:
                self.drop_queue(find_entry(&self.prices, <uint64_t>(side * key), <uint64_t>side))

    cdef void drop_queue(self, int32_t level) noexcept nogil:
        """Forget a level's orders."""
        cdef int32_t entry = self.queues[level].first, following
        while entry != NOWHERE:
            following = self.orders[entry].after
            remove_entry(&self.ids, entry)
            entry = following
        remove_entry(&self.prices, level)

    cdef int32_t front(self, int side, int64_t price) noexcept nogil:
        """The first order at a price; NOWHERE without an order there."""
        cdef int32_t level = find_entry(&self.prices, <uint64_t>price, <uint64_t>side)
        return NOWHERE if level == NOWHERE else self.queues[level].first

    cdef bint fits(self, int side, int64_t price, int64_t size) noexcept nogil:
        """Whether a level's sum stays within 64 bits with so much more."""
        cdef int32_t level = find_entry(&self.prices, <uint64_t>price, <uint64_t>side)
        cdef int64_t total
        return level == NOWHERE or not add_overflows(self.queues[level].total, size, &total)

    cdef bint order_room(self) noexcept nogil:
        """Memory for one more order; False at the limit or without memory."""
        cdef Resting *orders
        if self.ids.count >= self.order_limit:
            return False
        if self.ids.count < self.ids.room:
            return True
        orders = <Resting *>realloc(self.orders, 2 * <size_t>self.ids.room * sizeof(Resting))
        if orders == NULL:
            return False
        self.orders = orders
        return grow_table(&self.ids, 2 * self.ids.room)

    cdef bint level_room(self) noexcept nogil:
        """Memory for one more level; False without memory."""
        cdef Queue *queues
        if self.prices.count < self.prices.room:
            return True
        queues = <Queue *>realloc(self.queues, 2 * <size_t>self.prices.room * sizeof(Queue))
        if queues == NULL:
            return False
        self.queues = queues
        return grow_table(&self.prices, 2 * self.prices.room)

    cdef void join(self, int32_t entry) noexcept nogil:
        """Join the queue at its end, but before orders with later stamps."""
        cdef Resting *order = &self.orders[entry]
        cdef Queue *queue
        cdef int32_t following = NOWHERE
        order.level = find_entry(&self.prices, <uint64_t>order.price, <uint64_t>order.side)
        if order.level == NOWHERE:
            order.level = add_entry(&self.prices, <uint64_t>order.price, <uint64_t>order.side)
            queue = &self.queues[order.level]
            queue.total = queue.count = 0
            queue.first = queue.last = NOWHERE
        queue = &self.queues[order.level]
        order.before = queue.last
        while order.before != NOWHERE and self.orders[order.before].stamp_ns > order.stamp_ns:
            following, order.before = order.before, self.orders[order.before].before
        order.after = following
        self.link(queue, entry)
        queue.count += 1
        self.resize(order.level, order.side, order.price, order.size)

    cdef void link(self, Queue *queue, int32_t entry) noexcept nogil:
        """Link an order whose neighbours are set into its queue."""
        cdef Resting *order = &self.orders[entry]
        if order.before == NOWHERE:
            queue.first = entry
        else:
            self.orders[order.before].after = entry
        if order.after == NOWHERE:
            queue.last = entry
        else:
            self.orders[order.after].before = entry

    cdef void part(self, int32_t entry) noexcept nogil:
        """Leave the queue, and the level with the last of it."""
        cdef Resting *order = &self.orders[entry]
        cdef Queue *queue = &self.queues[order.level]
        if order.before == NOWHERE:
            queue.first = order.after
        else:
            self.orders[order.before].after = order.after
        if order.after == NOWHERE:
            queue.last = order.before
        else:
            self.orders[order.after].before = order.before
        queue.count -= 1
        self.resize(order.level, order.side, order.price, -order.size)
        if queue.count == 0:
            remove_entry(&self.prices, order.level)

    cdef void resize(self, int32_t level, int side, int64_t price, int64_t difference) noexcept nogil:
        """Apply a change of size to the level, and note it."""
        cdef LevelChange *change = &self.changes[self.change_count]
        cdef Queue *queue = &self.queues[level]
        queue.total += difference
        change.side, change.price, change.size = side, price, queue.total
        change.before = self.levels.put(side, price, queue.total)
        self.change_count += 1

    def add(self, number, int side, int64_t price, int64_t size, int64_t stamp_ns=0):
        """Add an order; return False, and change nothing, if it is known already or there is no room."""
        if side not in (1, -1):
            raise ValueError(f"side must be 1 or -1, was {side}")
        return self.enter(high_of(number), low_of(number), side, price, size, stamp_ns)

    def match(self, number, int64_t size):
        """Reduce an order by a match; return False, and change nothing, if it is unknown or smaller."""
        return self.reduce(high_of(number), low_of(number), size)

    def change(self, number, int64_t price, int64_t size, int64_t stamp_ns=0):
        """Change an order's price or size; return False, and change nothing, if it is unknown."""
        return self.alter(high_of(number), low_of(number), price, size, stamp_ns)

    def remove(self, number):
        """Remove an order; return False if it is unknown."""
        return self.drop(high_of(number), low_of(number))

    def clear(self):
        """Forget every order."""
        self.empty()

    def truncate(self, Py_ssize_t depth):
        """Keep the best `depth` levels a side, and their orders."""
        if depth < 0:
            raise ValueError(f"depth must not be negative, was {depth}")
        self.cut(depth)

    def count(self):
        """How many orders there are."""
        return self.ids.count

    def order(self, number):
        """An order as (side, price, size); None when it is unknown."""
        cdef const Resting *found = self.find(high_of(number), low_of(number))
        return None if found == NULL else (found.side, found.price, found.size)

    def ahead(self, number):
        """An order's place in its queue as (orders ahead, their size); None when it is unknown."""
        cdef int32_t entry = find_entry(&self.ids, high_of(number), low_of(number))
        cdef int64_t count = 0, size = 0
        if entry == NOWHERE:
            return None
        entry = self.orders[entry].before
        while entry != NOWHERE:
            count += 1
            size += self.orders[entry].size
            entry = self.orders[entry].before
        return count, size

    def queue(self, int side, int64_t price):
        """The orders of one price as (id, size), first in turn first."""
        cdef int32_t level = find_entry(&self.prices, <uint64_t>price, <uint64_t>side)
        cdef int32_t entry = NOWHERE if level == NOWHERE else self.queues[level].first
        found = []
        while entry != NOWHERE:
            number = (<object>self.ids.keys[entry].high << 64) | self.ids.keys[entry].low
            found.append((number, self.orders[entry].size))
            entry = self.orders[entry].after
        return found


cdef inline uint64_t high_of(object number) except? 0:
    """The upper half of an id."""
    if not 0 <= number < ID_END:
        raise ValueError(f"an order's id must have at most 128 bits, was {number}")
    return number >> 64


cdef inline uint64_t low_of(object number) except? 0:
    """The lower half of an id."""
    return number & LOW_WORD
