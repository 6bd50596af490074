# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One instrument's messages in the venue's order, applied to its book.

    delta ─▶ rule.admit ─┬─ APPLY ─▶ book, checksum ─▶ published book          APPLIED, or MADE_SUSPECT
                         ├─ DROP ──▶ older than the book                       DROPPED
                         ├─ WAIT ──▶ kept until the snapshot arrives           KEPT
                         └─ GAP ───▶ held for another connection to fill it    GAP_HELD, then HELD
                                     or, with one connection alone             MADE_SUSPECT

`delta` returns what happened (`Outcome`). A wrong book becomes SUSPECT at once and needs a snapshot. After a snapshot
the book is published when the rule has seen that the stream continues it. What readers receive is in
published_book.pyx.
"""

from libc.stdint cimport int64_t

from engine.book.book cimport Book
from engine.feed.books.best_price_audit cimport Best, BestPriceAudit
from engine.feed.books.frame_queue cimport FrameQueue
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.prints cimport Prints
from engine.feed.books.published_book cimport PublishedBook, best_of
from engine.meters.current cimport count_up
from engine.model.words cimport BOOK_DISCONNECTED, BOOK_EMPTY, BOOK_MISFIT, BOOK_REFUSED, BOOK_RESYNCING, BOOK_SUSPECT
from engine.venues.market cimport APPLY, DROP, SNAPSHOT, WAIT, Level, Market, Message, Rule

from engine.meters.table import place_of

cdef Py_ssize_t SNAPSHOTS = place_of("snapshots")

cdef enum:
    HELD_MAX = 256  # changes after a gap: more than arrive while a gap is held
    KEPT_MAX = 4096  # frames while a snapshot is requested: seven minutes at ten a second
    LATE_NS = 5_000_000_000  # a snapshot that the stream does not reach within this time is of another stream


cdef class Track:
    """One instrument of a connection."""

    def __init__(self, int index, int instrument, str symbol, Rule rule, Outbox outbox, Py_ssize_t depth=0,
                 bint levels=False, int cell=0, Book book=None, int kept_max=KEPT_MAX):
        """`depth`: levels kept on each side, 0 for all; `levels`: publish every level's change; `cell`: of its top."""
        self.index, self.instrument, self.symbol, self.rule, self.depth = index, instrument, symbol, rule, depth
        self.book = Book() if book is None else book
        self.published = PublishedBook(instrument, cell, self.book, rule, outbox, levels)
        self.audit, self.prints = BestPriceAudit(), Prints(instrument, outbox)
        self.kept, self.held = FrameQueue(kept_max), FrameQueue(HELD_MAX)
        self.wants_snapshot = True

    @property
    def state(self):
        """The book's state as readers know it."""
        return self.published.state

    @property
    def kept_count(self):
        """How many frames wait for a snapshot."""
        return len(self.kept)

    cdef int delta(self, Market market, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Apply a change of the book as the venue's rule decides; return the outcome."""
        cdef int verdict = self.rule.admit(message)
        self.news_ns = now_ns
        if verdict == APPLY:
            self.applied += 1
            self.behind_ns = 0
            self.published.venue_ns = message.venue_ns
            return self.apply(market, message, receive_ns, now_ns, self.published.is_followed())
        if verdict == DROP:
            return self.drop_old(receive_ns, now_ns)
        if verdict == WAIT:
            return self.keep(frame, receive_ns)
        return self.gap(frame, receive_ns, now_ns)

    cdef int gap(self, bytes frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Hold a change after a gap if another connection may fill the gap; else the book is wrong, or not begun."""
        cdef bint begun = self.rule.bridged or self.published.is_followed()  # a quiet snapshot is published unbridged
        if (self.has_second_source and begun or self.held_ns) and self.held.has_room_for(frame):
            return self.hold(frame, receive_ns, now_ns)
        if begun:
            self.mark_gap(receive_ns, now_ns)
            self.keep(frame, receive_ns)
            return MADE_SUSPECT
        self.refetches += 1
        self.has_snapshot = False
        self.wants_snapshot = True
        self.rule.reset()
        return self.keep(frame, receive_ns)

    cdef int hold(self, bytes frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Hold a change after a gap: the book is old, not wrong, until another connection brings what is missing."""
        cdef int outcome = HELD
        if not self.held_ns:
            self.held_ns = now_ns
            self.held_gaps += 1
            outcome = GAP_HELD
        self.held.add(frame, receive_ns)
        return outcome

    cdef int keep(self, bytes frame, int64_t receive_ns) except -1:
        """Keep a frame for the snapshot, where the rule can continue a snapshot from frames that came before it."""
        if self.rule.keeps:
            self.kept.add(frame, receive_ns)
        return KEPT

    cdef int drop_old(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Drop a change from before the snapshot. A stream that never reaches the snapshot makes the book suspect."""
        self.dropped += 1
        if self.has_snapshot and not self.rule.bridged:
            self.still_ns = now_ns
            if now_ns - self.snapshot_ns > LATE_NS:
                self.mark_gap(receive_ns, now_ns)
                return MADE_SUSPECT
        return DROPPED

    cdef int renumber(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Reset when the venue restarts its numbering: the kept frames have numbers of the old one."""
        if self.has_snapshot:
            self.mark_gap(receive_ns, now_ns)
        self.kept.remove_all()
        self.audit.restart()
        return 0

    cdef bint holds_frames(self):
        """Whether changes are still held after a gap; the gap is filled when none is."""
        if self.held.rows:
            return True
        self.held_ns = 0
        return False

    cdef int seed(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Begin from a snapshot; the book is published when the rule has seen that the stream continues it."""
        cdef int state = self.published.state
        self.snapshots += 1
        self.resyncs += self.has_snapshot or state == BOOK_SUSPECT or state == BOOK_RESYNCING
        self.news_ns = self.snapshot_ns = self.still_ns = now_ns
        self.audit.seed(message.last)
        self.behind_ns = 0
        self.published.venue_ns = message.venue_ns
        if self.published.is_followed():
            self.published.set_state(BOOK_RESYNCING, receive_ns, now_ns)
        self.empty_book()
        self.rule.seed(message)
        self.has_snapshot = True
        self.wants_snapshot = False
        return self.apply(market, message, receive_ns, now_ns, False)

    cdef int apply(self, Market market, Message *message, int64_t receive_ns, int64_t now_ns, bint publish) except -1:
        """Change the book, check what can be checked, and publish; return APPLIED or MADE_SUSPECT."""
        cdef Best best
        cdef PublishedBook published = self.published
        cdef bint levels = publish and published.levels.enabled
        published.begin(receive_ns, now_ns, message.venue_ns, message.last)
        if not self.change(market, message, levels):
            return self.mark_suspect(receive_ns, now_ns)  # the next event overwrites what this one added to LEVELS
        published.changes += 1
        if self.depth:
            self.cut(levels)
        if self.book.is_hollow():  # levels beyond its limit were dropped, and those left may not reach deep enough
            self.hollows += 1
            return self.mark_suspect(receive_ns, now_ns)
        if message.checksum >= 0 and not self.has_checksum(message):
            return self.mark_suspect(receive_ns, now_ns)
        best = best_of(self.book, message.last)
        if message.sequenced:
            self.audit.add_book(&best)
        if publish:
            published.publish_change(&best, message.sequenced)
        elif self.rule.bridged:
            published.set_state(published.state_in_order(), receive_ns, now_ns)
        return APPLIED

    cdef bint change(self, Market market, Message *message, bint levels) noexcept nogil:
        """Put a message's levels into the book; a snapshot's, best first, in reverse, so that each one is an append."""
        cdef bint reverse = message.kind == SNAPSHOT
        self.change_side(1, market.levels + message.bid_start, message.bid_count, reverse, levels)
        self.change_side(-1, market.levels + message.ask_start, message.ask_count, reverse, levels)
        return True

    cdef void change_side(
        self, int side, Level *rows, Py_ssize_t count, bint reverse, bint levels
    ) noexcept nogil:
        """Put one side's levels into the book."""
        cdef Py_ssize_t i
        cdef int64_t before
        cdef Level *level
        for i in range(count):
            level = &rows[count - 1 - i if reverse else i]
            before = self.book.put(side, level.price, level.size)
            if levels and before != level.size:
                self.published.levels.change(side, level.price, level.size, before)

    cdef void cut(self, bint levels) noexcept nogil:
        """Remove the levels beyond the depth: the venue does not update them."""
        if levels:
            self.published.levels.remove_beyond(1, &self.book.bids, self.depth)
            self.published.levels.remove_beyond(-1, &self.book.asks, self.depth)
        self.cut_book()

    cdef void cut_book(self) noexcept nogil:
        """Cut the book to the depth."""
        self.book.cut(self.depth)

    cdef void empty_book(self) noexcept nogil:
        """Empty the book."""
        self.book.empty()

    cdef bint has_checksum(self, Message *message) noexcept nogil:
        """Compare the book with the message's checksum, and count the result."""
        cdef bint passed = self.passes(message)
        self.checksum_checked += 1
        self.checksum_ok += passed
        return passed

    cdef bint passes(self, Message *message) noexcept nogil:
        """Whether the book has the message's checksum."""
        return self.rule.holds(self.book, message)

    cdef int best(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish the venue's own best bid and ask if they are the newest known."""
        cdef Best best
        best.sequence = message.last
        best.bid_price, best.bid_size = message.bid_price, message.bid_size
        best.ask_price, best.ask_size = message.ask_price, message.ask_size
        self.news_ns = now_ns
        if not message.sequenced:
            self.audit_unnumbered(&best)
            return APPLIED
        if self.audit.has_newer(best.sequence - self.has_second_source):
            return DROPPED  # a slower connection sent it: a faster one brought the same
        self.audit.add_ticker(&best)
        if best.sequence > self.rule.last and not self.behind_ns:
            self.behind_ns = now_ns
        self.published.publish_newer_best(&best, receive_ns, now_ns, message.venue_ns)
        return APPLIED

    cdef void audit_unnumbered(self, Best *best) noexcept nogil:
        """Compare the book with a best bid and ask that have no number."""
        cdef Best book = best_of(self.book, 0)
        if self.published.is_followed():
            self.audit.compare_unnumbered(best, &book)

    cdef int check_print(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Mark a gap if this connection lost a print, where that shows that it lost changes; return the outcome."""
        if self.prints.count(message) and self.rule.prints_prove and self.has_snapshot:
            self.mark_gap(receive_ns, now_ns)
            return MADE_SUSPECT
        return APPLIED

    cdef int trade(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish a print."""
        self.news_ns = now_ns
        return self.prints.add(message, receive_ns, now_ns)

    cdef int beat(self, Message *message, int64_t now_ns) except -1:
        """Note the venue's newest number, which the book should reach."""
        self.news_ns = now_ns
        if message.sequenced and self.rule.bridged and message.last > self.rule.last and not self.behind_ns:
            self.behind_ns = now_ns
        return 0

    cdef int mark_suspect(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Publish that the book is wrong, and mark that it needs a snapshot."""
        self.keep_held()
        self.suspect += 1
        self.wants_snapshot = True
        self.forget_snapshot()
        self.published.set_state(BOOK_SUSPECT, receive_ns, now_ns)
        return MADE_SUSPECT

    cdef int keep_held(self) except -1:
        """Keep the changes held after a gap for the snapshot."""
        self.held_ns = 0
        for frame, receive_ns in self.held.remove_all():
            self.keep(frame, receive_ns)
        return 0

    cdef int forget_snapshot(self) except -1:
        """Begin before the next snapshot."""
        self.rule.reset()
        self.has_snapshot = False
        return 0

    cdef int reset_to(self, int state, int64_t now_ns) except -1:
        """Drop everything and publish the state; request nothing until `wants_snapshot` is set again."""
        self.keep_held()
        self.kept.remove_all()
        self.behind_ns = 0
        self.forget_snapshot()
        self.wants_snapshot = False
        return self.published.set_state(state, now_ns, now_ns)

    def mark_gap(self, int64_t receive_ns, int64_t now_ns):
        """Mark the book suspect because the connection may have lost a change of it."""
        self.gaps += 1
        self.mark_suspect(receive_ns, now_ns)

    def mark_requested(self, int64_t now_ns):
        """Note that a snapshot was requested."""
        cdef int state = self.published.state
        self.wants_snapshot = False
        count_up(SNAPSHOTS, 1)
        if state == BOOK_SUSPECT or state == BOOK_MISFIT or state == BOOK_REFUSED:
            self.published.set_state(BOOK_RESYNCING, now_ns, now_ns)

    def mark_refused(self, int64_t now_ns):
        """The venue does not send this book: publish REFUSED and request nothing."""
        self.reset_to(BOOK_REFUSED, now_ns)

    def mark_misfit(self, int64_t now_ns):
        """The venue's numbers do not fit the instrument's decimals: publish MISFIT and request nothing."""
        self.reset_to(BOOK_MISFIT, now_ns)

    def mark_stale(self, int64_t now_ns, bint silent_connection=False):
        """Publish that no message for the book came within its limit, or none on its whole connection."""
        self.published.mark_stale(now_ns, silent_connection)

    def clear_stale(self, int64_t now_ns):
        """Publish that the book is up to date again: its connection is alive."""
        self.published.clear_stale(now_ns)

    def confirm(self, int64_t now_ns):
        """Publish the book: no event contradicted its snapshot for long enough."""
        if self.has_snapshot and not self.published.is_followed():
            self.published.set_state(self.published.state_in_order(), now_ns, now_ns)

    def set_accepting_orders(self, bint accepting, int64_t now_ns):
        """Note whether the venue accepts every kind of order; the book is followed either way."""
        self.published.set_accepting_orders(accepting, now_ns)

    def set_second_source(self, bint present):
        """Note whether a second connection feeds this book with the same numbers."""
        self.has_second_source = self.prints.has_second_source = present
        self.rule.several = present

    def republish_levels(self, int64_t now_ns, Py_ssize_t count):
        """Publish the next `count` levels again, for readers of LEVELS that joined late."""
        self.published.republish_levels(now_ns, count)

    def expire(self, int64_t now_ns, int64_t hold_ns):
        """Give up a gap that no connection filled in time: the book is wrong, and prints continue after the gap."""
        if self.held_ns and now_ns - self.held_ns > hold_ns:
            self.mark_gap(now_ns, now_ns)
        self.prints.expire(now_ns, hold_ns)

    def disconnect(self, int64_t now_ns):
        """Reset after the connection was lost: the next one starts with a snapshot."""
        self.prints.disconnect(now_ns)
        self.audit.restart()  # the venue may restart its numbering
        self.reset_to(BOOK_DISCONNECTED, now_ns)
        self.wants_snapshot = True

    def replace(self, Track before, int64_t now_ns):
        """Publish in the place of another connection's track: the book as one event, or its state without a book."""
        self.prints.replace(before.prints)
        self.published.replace(before.published)
        if self.published.state == BOOK_EMPTY:
            self.disconnect(now_ns)
        else:
            self.published.announce(before.published.state, now_ns)
