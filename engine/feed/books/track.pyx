# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One instrument on the way from messages to ticks: its book, its venue's rule and what readers may believe of it.

    EMPTY ──snapshot──▶ (bridging, told to nobody) ──first event in order──▶ GOOD ◀──▶ CROSSED, STALE, SHUT
      ▲                         ▲                                             │ gap, checksum
    DISCONNECTED            RESYNCING ◀──────a snapshot was asked for──── SUSPECT (told at once)

While a book is being put together nothing of it is told; when it becomes good everything is told at once, as one event
that begins with RESET. The best bid and ask come from the book and, where the venue has one, from its faster channel:
whichever carries the newer number of the venue is shown. Both are compared (see comparison.pyx).
"""

from libc.stdint cimport INT64_MAX, int64_t

from engine.book.book cimport Book
from engine.book.side cimport Cursor, Side, behind, first, step_on
from engine.feed.books.comparison cimport Best, Comparison
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.prints cimport Prints
from engine.venues.market cimport DROP, GAP, SNAPSHOT as SNAPSHOT_KIND, WAIT, Level, Market, Message, Rule

from engine.model import words

cdef enum:
    TICK_BEST = 1
    TICK_LEVEL = 2
    TICK_STATE = 4
    RESET = 2
    SNAPSHOT = 4
    REFRESH = 8
    MUTE = 16
    EMPTY = 0
    GOOD = 1
    SUSPECT = 2
    RESYNCING = 3
    STALE = 4
    CROSSED = 5
    DISCONNECTED = 6
    REFUSED = 7
    MISFIT = 8
    SHUT = 9
    HELD_MAX = 256  # changes behind a hole: more than comes in the time that one is waited for
    ROUND_NS = 1_000_000_000  # at least this from one round of retelling to the next
    LATE_NS = 5_000_000_000  # a snapshot that is so far ahead of its stream is of another stream
    KEPT_BYTES = 8 << 20  # of what is kept, and of what is held: all of it is taken in one step when its turn comes
    KEPT_MAX = 4096  # frames kept while a snapshot is on its way: seven minutes at ten a second

assert (words.TickKind.BEST, words.TickKind.LEVEL, words.TickKind.STATE) == (TICK_BEST, TICK_LEVEL, TICK_STATE)
assert (words.Flag.RESET, words.Flag.SNAPSHOT, words.Flag.REFRESH) == (RESET, SNAPSHOT, REFRESH)
assert words.Flag.MUTE == MUTE
assert [int(state) for state in words.BookState] == [
    EMPTY, GOOD, SUSPECT, RESYNCING, STALE, CROSSED, DISCONNECTED, REFUSED, MISFIT, SHUT
]


cdef inline bint told(int state) noexcept nogil:
    """Whether readers follow this book's changes."""
    return state == GOOD or state == CROSSED or state == STALE or state == SHUT


cdef class Track:
    """One instrument of a connection."""

    def __init__(self, int index, int instrument, str symbol, Rule rule, Outbox outbox, Py_ssize_t depth=0,
                 bint levels=False, int cell=0):
        """`depth`: levels kept a side, 0 for all; `levels`: tell every level's change; `cell`: where its top stands."""
        self.index, self.instrument, self.symbol, self.cell = index, instrument, symbol, cell
        self.rule, self.outbox, self.depth, self.levels_told = rule, outbox, depth, levels
        self.book, self.comparison = Book(), Comparison()
        self.prints = Prints(instrument, outbox)
        self.kept, self.held = [], []
        self.kept_max = KEPT_MAX
        self.wanting = True
        self.shown.sequence = -1

    @property
    def kept_count(self):
        """Frames waiting for a snapshot."""
        return len(self.kept)

    cdef int delta(self, Market market, Message *message, object frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Take a change of the book as the venue's rule says."""
        cdef int verdict = self.rule.admit(message)
        self.news_ns = now_ns
        if verdict == DROP:
            self.dropped += 1
            return self.overtake(receive_ns, now_ns)
        if verdict == WAIT:
            self.keep(frame, receive_ns)
        elif verdict == GAP:
            if (self.patient and (self.rule.bridged or told(self.state)) or self.held_ns) and self.has_room_for(frame):
                return self.hold(frame, receive_ns, now_ns)
            if self.rule.bridged or told(self.state):  # a quiet snapshot may be believed before an event confirms it
                self.gaps += 1
                self.doubt(receive_ns, now_ns)
            else:
                self.refetches += 1
                self.seeded = False
                self.wanting = True
                self.rule.reset()
            self.keep(frame, receive_ns)
        else:
            self.applied += 1
            self.behind_ns = 0
            self.venue_ns = message.venue_ns
            self.settle(market, message, receive_ns, now_ns, told(self.state))
        return 0

    cdef int overtake(self, int64_t receive_ns, int64_t now_ns) except -1:
        """A change from before the snapshot: the stream goes on, and must reach the snapshot before it is believed."""
        if self.seeded and not self.rule.bridged:
            self.still_ns = now_ns
            if now_ns - self.seed_ns > LATE_NS:
                self.mistrust(receive_ns, now_ns)
        return 0

    cdef int renumber(self, int64_t receive_ns, int64_t now_ns) except -1:
        """The venue counts anew: what was kept by the old numbers has no place among the new ones."""
        if self.seeded:
            self.mistrust(receive_ns, now_ns)
        self.take_kept()
        self.comparison.restart()
        return 0

    cdef int keep(self, object frame, int64_t receive_ns) except -1:
        """Keep a frame until the snapshot is here; the oldest goes when there are too many."""
        if not self.rule.keeps:
            return 0
        self.kept_bytes += len(<bytes>frame)
        while self.kept and (len(self.kept) >= self.kept_max or self.kept_bytes > KEPT_BYTES):
            self.kept_bytes -= len(<bytes>(<tuple>self.kept[0])[0])
            del self.kept[0]
        self.kept.append((frame, receive_ns))
        return 0

    cdef bint has_room_for(self, bytes frame):
        """Whether a change behind a hole may be held."""
        return len(self.held) < HELD_MAX and self.held_bytes + len(frame) <= KEPT_BYTES

    cdef int hold(self, object frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Keep what lies behind a hole: the book is old, not wrong, until another connection tells what is missing."""
        if not self.held_ns:
            self.held_ns = now_ns
            self.holes += 1
        self.held.append((frame, receive_ns))
        self.held_bytes += len(<bytes>frame)
        return 0

    cdef list take_held(self):
        """Hand over what was held, to be tried again."""
        held, self.held, self.held_bytes = self.held, [], 0
        return held

    cdef list take_kept(self):
        """Hand over what was kept."""
        kept, self.kept, self.kept_bytes = self.kept, [], 0
        return kept

    cdef int seed(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Begin anew from a snapshot; told when the rule says that the stream goes on from it."""
        self.snapshots += 1
        if self.seeded or self.state == SUSPECT or self.state == RESYNCING:
            self.resyncs += 1
        self.news_ns = self.seed_ns = self.still_ns = now_ns
        self.comparison.seed(message.last)
        self.behind_ns = 0
        self.venue_ns = message.venue_ns
        if told(self.state):
            self.turn(RESYNCING, receive_ns, now_ns)
        self.forget()
        self.rule.seed(message)
        self.seeded = True
        self.wanting = False
        return self.settle(market, message, receive_ns, now_ns, False)

    cdef void forget(self) noexcept nogil:
        """Empty the book."""
        self.book.empty()

    cdef void cut(self) noexcept nogil:
        """Keep the levels that the venue keeps in step."""
        self.book.cut(self.depth)

    cdef bint holds(self, Message *message) noexcept nogil:
        """Whether the book is what the venue says it is."""
        return self.rule.holds(self.book, message)

    cdef bint change(self, Market market, Message *message, bint telling) noexcept nogil:
        """Put a message's levels into the book; a snapshot's come best first, and from the back each is an append."""
        cdef bint back = message.kind == SNAPSHOT_KIND
        self.change_side(1, market.levels + message.bid_start, message.bid_count, back, telling)
        self.change_side(-1, market.levels + message.ask_start, message.ask_count, back, telling)
        return True

    cdef void change_side(self, int side, Level *levels, Py_ssize_t count, bint back, bint telling) noexcept nogil:
        """Put one side's levels into the book."""
        cdef Py_ssize_t i
        cdef int64_t before
        cdef Level *level
        for i in range(count):
            level = &levels[count - 1 - i if back else i]
            before = self.book.put(side, level.price, level.size)
            if telling and before != level.size:
                self.outbox.level(TICK_LEVEL, side, level.price, level.size, before, 0)

    cdef int settle(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns, bint telling) except -1:
        """Apply a message, check what the venue lets us check, and tell."""
        cdef Best best
        cdef int state
        self.outbox.begin(self.instrument, receive_ns, now_ns, message.venue_ns, message.last)
        if not self.change(market, message, telling and self.levels_told):
            return self.doubt(receive_ns, now_ns)  # what is held of this event on LEVELS is told to nobody
        self.changes += 1
        if self.depth:
            if telling and self.levels_told:
                self.tell_cut(1, &self.book.bids)
                self.tell_cut(-1, &self.book.asks)
            self.cut()
        if self.book.is_hollow():  # levels were cut, and those left may not reach as far as they are needed
            self.hollows += 1
            return self.doubt(receive_ns, now_ns)
        if message.checksum >= 0:
            self.checksum_checked += 1
            if not self.holds(message):
                return self.doubt(receive_ns, now_ns)
            self.checksum_ok += 1
        best = self.book_best(message.last)
        if message.sequenced:
            self.comparison.take_book(&best)
        state = self.sound()
        if not telling:
            return self.turn(state, receive_ns, now_ns) if self.rule.bridged else 0
        if best.sequence >= self.shown.sequence or not message.sequenced:
            self.show_best(&best, 0)
        if state != self.state:
            self.crossings += state == CROSSED
            self.state = state
            self.outbox.tick(TICK_STATE, 0, 0, 0, state, 0)
        self.outbox.end()
        self.outbox.show(self.book, self.cell, self.state, 0, self.changes)
        return 0

    cdef int best(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Take the venue's own best bid and ask."""
        cdef Best best
        best.sequence = message.last
        best.bid_price, best.bid_size = message.bid_price, message.bid_size
        best.ask_price, best.ask_size = message.ask_price, message.ask_size
        self.news_ns = now_ns
        if not message.sequenced:
            self.compare_loosely(&best)
            return 0
        if self.comparison.has_beyond(best.sequence - self.patient):
            return 0  # a slower connection's: everything of it was taken
        self.comparison.take_best(&best)
        if best.sequence > self.rule.last and not self.behind_ns:
            self.behind_ns = now_ns
        if best.sequence <= self.shown.sequence or not told(self.state):
            return 0
        self.outbox.begin(self.instrument, receive_ns, now_ns, message.venue_ns, message.last)
        self.show_best(&best, 0)
        self.outbox.end()
        return 0

    cdef void compare_loosely(self, Best *best) noexcept nogil:
        """Hold the book against a best that has no number."""
        cdef Best book = self.book_best(0)
        if told(self.state):
            self.comparison.take_loose(best, &book)

    cdef int prove(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """A print that this connection did not bring may show that changes are missing; another's cannot mend them."""
        if self.prints.hear(message) and self.rule.prints_prove and self.seeded:
            self.mistrust(receive_ns, now_ns)
        return 0

    cdef int trade(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Tell a print."""
        self.news_ns = now_ns
        return self.prints.take(message, receive_ns, now_ns)

    cdef int hear(self, Message *message, int64_t now_ns) except -1:
        """The venue lives, and stands at a number that the book should reach."""
        self.news_ns = now_ns
        if message.sequenced and self.rule.bridged and message.last > self.rule.last and not self.behind_ns:
            self.behind_ns = now_ns
        return 0

    cdef void show_best(self, Best *best, int flags) noexcept nogil:
        """Tell each side that differs from what was told."""
        if flags or best.bid_price != self.shown.bid_price or best.bid_size != self.shown.bid_size:
            self.outbox.tick(TICK_BEST, 1, best.bid_price, best.bid_size, 0, flags)
        if flags or best.ask_price != self.shown.ask_price or best.ask_size != self.shown.ask_size:
            self.outbox.tick(TICK_BEST, -1, best.ask_price, best.ask_size, 0, flags & ~RESET)
        self.shown = best[0]

    cdef Best book_best(self, int64_t sequence) noexcept nogil:
        """The book's best bid and ask."""
        cdef Best best
        best.sequence = sequence
        self.book.best_bid(&best.bid_price, &best.bid_size)
        self.book.best_ask(&best.ask_price, &best.ask_size)
        return best

    cdef int doubt(self, int64_t receive_ns, int64_t now_ns) except -1:
        """The book is wrong: say so before anything else, and want a snapshot."""
        self.give_up()
        self.suspect += 1
        self.wanting = True
        self.seeded = False
        self.rule.reset()
        return self.turn(SUSPECT, receive_ns, now_ns)

    cdef int give_up(self) except -1:
        """What was held waits for the snapshot."""
        self.held_ns = 0
        for frame, receive_ns in self.take_held():
            self.keep(frame, receive_ns)
        return 0

    def expire(self, int64_t now_ns, int64_t hold_ns):
        """Nobody has filled a hole in time: the book is wrong, and the prints go on without the missing ones."""
        if self.held_ns and now_ns - self.held_ns > hold_ns:
            self.gaps += 1
            self.doubt(now_ns, now_ns)
        self.prints.expire(now_ns, hold_ns)

    def follow_several(self, bint several):
        """Say whether more than one connection tells of this book, by numbers that are the venue's."""
        self.patient = self.prints.patient = several
        self.rule.several = several

    def take_over(self, Track before, int64_t now_ns):
        """Follow another connection's track before the readers: the book is told as one event, or why it is not."""
        self.outbox, before.outbox = before.outbox, self.outbox
        self.prints.take_over(before.prints)
        self.shut = before.shut  # whoever is told to readers is told what the venue takes
        if self.state == GOOD or self.state == SHUT:
            self.state = self.sound()
        if told(self.state):
            self.tell_all(now_ns, now_ns)
        elif self.state == EMPTY:
            self.disconnect(now_ns)
        elif self.state != before.state:
            self.state, state = before.state, self.state
            self.turn(state, now_ns, now_ns)

    cdef int turn(self, int state, int64_t receive_ns, int64_t now_ns) except -1:
        """Change what readers may believe; becoming believable tells everything anew."""
        cdef bint before = told(self.state)
        if state == self.state:
            return 0
        self.crossings += state == CROSSED
        self.state = state
        if told(state) and not before:
            return self.tell_all(receive_ns, now_ns)
        return self.tell_state(receive_ns, now_ns)

    cdef int tell_state(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Say what may be believed of the book, and if it is stale, of what."""
        cdef int flags = self.cause()
        self.outbox.begin(self.instrument, receive_ns, now_ns, self.venue_ns, self.rule.last)
        self.outbox.tick(TICK_STATE, 0, 0, 0, self.state, flags)
        self.outbox.end()
        self.outbox.show(self.book, self.cell, self.state, flags, self.changes)
        return 0

    cdef int cause(self) noexcept nogil:
        """The mark of a stale book whose line is silent."""
        return MUTE if self.state == STALE and self.mute else 0

    cdef int tell_all(self, int64_t receive_ns, int64_t now_ns) except -1:
        """The whole book as one event, from RESET to its state."""
        cdef Best best = self.book_best(self.rule.last)
        self.changes = 1
        self.outbox.begin(self.instrument, receive_ns, now_ns, self.venue_ns, self.rule.last)
        self.show_best(&best, RESET | SNAPSHOT)
        if self.levels_told:
            self.roll_side = 0
            self.outbox.level(TICK_STATE, 0, 0, 0, RESYNCING, RESET | SNAPSHOT)
            self.tell_side(1, &self.book.bids)
            self.tell_side(-1, &self.book.asks)
        self.outbox.tick(TICK_STATE, 0, 0, 0, self.state, SNAPSHOT | self.cause())
        self.outbox.end()
        self.outbox.show(self.book, self.cell, self.state, RESET | SNAPSHOT | self.cause(), self.changes)
        return 0

    cdef void tell_cut(self, int side, const Side *levels) noexcept nogil:
        """The levels beyond the depth are about to go."""
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        cdef Py_ssize_t place = 0
        if levels.count <= self.depth:
            return
        while step_on(levels, &cursor, &key, &size):
            place += 1
            if place > self.depth:
                self.outbox.level(TICK_LEVEL, side, side * key, 0, size, 0)

    cdef void tell_side(self, int side, const Side *levels) noexcept nogil:
        """Every level of a side, best first."""
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        while step_on(levels, &cursor, &key, &size):
            self.outbox.level(TICK_LEVEL, side, side * key, size, 0, SNAPSHOT)

    def retell(self, int64_t now_ns, Py_ssize_t count):
        """Tell up to `count` further levels as they stand, for readers who joined late; a mark where a round begins."""
        if not self.levels_told or not told(self.state) or self.roll_side == 0 and now_ns - self.roll_ns < ROUND_NS:
            return
        self.outbox.begin(self.instrument, now_ns, now_ns, self.venue_ns, self.rule.last)
        if self.roll_side == 0:
            self.roll_ns = now_ns
            self.outbox.level(TICK_STATE, 0, 0, 0, self.state, REFRESH)
            self.roll_side, self.roll_key = 1, INT64_MAX
        count -= self.retell_side(&self.book.bids if self.roll_side > 0 else &self.book.asks, count)
        if count > 0 and self.roll_side > 0:
            self.roll_side, self.roll_key = -1, INT64_MAX
            count -= self.retell_side(&self.book.asks, count)
        if count > 0:
            self.roll_side = 0
        self.outbox.end()

    cdef Py_ssize_t retell_side(self, const Side *levels, Py_ssize_t count) noexcept nogil:
        """Tell levels behind the key told last, best first; how many there were."""
        cdef Cursor cursor = behind(levels, self.roll_key)
        cdef int64_t size
        cdef Py_ssize_t done = 0
        while done < count and step_on(levels, &cursor, &self.roll_key, &size):
            self.outbox.level(TICK_LEVEL, self.roll_side, self.roll_side * self.roll_key, size, size, REFRESH)
            done += 1
        return done

    def asked(self, int64_t now_ns):
        """A snapshot was asked for."""
        self.wanting = False
        if self.state == SUSPECT or self.state == MISFIT or self.state == REFUSED:
            self.turn(RESYNCING, now_ns, now_ns)

    def disconnect(self, int64_t now_ns):
        """The connection is gone: what is known is old, and the next stream begins with a snapshot."""
        self.prints.disconnect(now_ns)
        self.give_up()
        self.take_kept()
        self.comparison.restart()  # a venue that was away may number anew
        self.behind_ns = 0
        self.rule.reset()
        self.seeded = False
        self.wanting = True
        self.turn(DISCONNECTED, now_ns, now_ns)

    def refuse(self, int64_t now_ns):
        """The venue does not bring it."""
        self.leave(REFUSED, now_ns)

    def misfit(self, int64_t now_ns):
        """The venue's numbers cannot be held in the instrument's decimals."""
        self.leave(MISFIT, now_ns)

    cdef int leave(self, int state, int64_t now_ns) except -1:
        """Believe nothing and ask for nothing until somebody wants it again."""
        self.give_up()
        self.take_kept()
        self.behind_ns = 0
        self.rule.reset()
        self.seeded = False
        self.wanting = False
        return self.turn(state, now_ns, now_ns)

    def shut_out(self, bint shut, int64_t now_ns):
        """Say whether the venue takes every order for it; its book is followed either way."""
        self.shut = shut
        if self.state == GOOD or self.state == SHUT:
            self.turn(self.sound(), now_ns, now_ns)

    cdef int sound(self) noexcept:
        """The state of a book that is in order."""
        return CROSSED if self.book.crossed() else SHUT if self.shut else GOOD

    def mistrust(self, int64_t receive_ns, int64_t now_ns):
        """Something of the connection was lost, so this book may be wrong."""
        self.gaps += 1
        self.doubt(receive_ns, now_ns)

    def grow_stale(self, int64_t now_ns, bint mute=False):
        """No news for too long, of the book alone or of the whole line: then prints may be missing too."""
        if self.state == STALE and self.mute != mute:
            self.mute = mute
            self.tell_state(now_ns, now_ns)
        elif self.state == GOOD or self.state == CROSSED or self.state == SHUT:
            self.mute = mute
            self.turn(STALE, now_ns, now_ns)

    def trust(self, int64_t now_ns):
        """No event contradicted the snapshot for long enough: it holds."""
        if self.seeded and not told(self.state):
            self.turn(self.sound(), now_ns, now_ns)

    def refresh(self, int64_t now_ns):
        """The connection lives, which is all the news a quiet book has."""
        if self.state == STALE:
            self.turn(self.sound(), now_ns, now_ns)
