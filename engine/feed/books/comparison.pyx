# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A book held against its venue's own best bid and ask, wherever the two meet.

    books     97 ──── 100 ──────── 104 ─▶      bbo    pairs of one number, in whichever order they came
    tickers   97  98  100  101  103 ───▶      best   each book against the best in force at its number: the newest not
                                                     beyond it, known when one at or behind it has come

Nothing is decided here: what differs is counted, for whoever asks how far a recording's truths hold. A best without a
number is of about this time, and is counted as one in force.
"""

from libc.stdint cimport int64_t, uint64_t


cdef inline void remember(Recent *recent, Best *best) noexcept nogil:
    """Keep one for comparison."""
    recent.ring[recent.count % PAIRS] = best[0]
    recent.count += 1


cdef inline Best *newest(Recent *recent) noexcept nogil:
    """The one kept last."""
    return &recent.ring[(recent.count - 1) % PAIRS] if recent.count else NULL


cdef inline Best *recall(Recent *recent, int64_t sequence) noexcept nogil:
    """The newest one kept that is not beyond this number; numbers only rise."""
    cdef uint64_t back, limit = recent.count if recent.count < PAIRS else PAIRS
    cdef Best *found
    for back in range(1, limit + 1):
        found = &recent.ring[(recent.count - back) % PAIRS]
        if found.sequence <= sequence:
            return found
    return NULL


cdef inline bint same(Best *one, Best *other) noexcept nogil:
    """Equal in price and size on both sides."""
    return (one.bid_price == other.bid_price and one.bid_size == other.bid_size
            and one.ask_price == other.ask_price and one.ask_size == other.ask_size)


cdef class Comparison:
    """One instrument's books and bests."""

    cdef void seed(self, int64_t sequence) noexcept nogil:
        """A snapshot stands at this number: a best as old as it proves nothing."""
        self.seed_sequence = sequence

    cdef void restart(self) noexcept nogil:
        """Bests may be numbered anew."""
        self.tickers.count = 0

    cdef bint has_beyond(self, int64_t sequence) noexcept nogil:
        """Whether a best beyond this number was taken."""
        return self.tickers.count > 0 and newest(&self.tickers).sequence > sequence

    cdef void take_book(self, Best *best) noexcept nogil:
        """Hold the book against the venue's best at the same number, and the one in force at it once known."""
        cdef Best *ticker = recall(&self.tickers, best.sequence)
        remember(&self.books, best)
        if ticker == NULL:
            return
        if ticker.sequence == best.sequence:
            self.bbo_checked += 1
            self.bbo_equal += same(ticker, best)
        if self.pending == self.books.count - 1 and newest(&self.tickers).sequence >= best.sequence:
            self.pending += 1
            self.count_in_force(ticker, best)

    cdef void take_best(self, Best *best) noexcept nogil:
        """Hold the venue's best against the book at the same number, and close what it shows to have been in force."""
        cdef Best *book = recall(&self.books, best.sequence)
        cdef Best *waiting
        if book != NULL and book.sequence == best.sequence:
            self.bbo_checked += 1
            self.bbo_equal += same(book, best)
        self.pass_over()
        while self.pending < self.books.count:
            waiting = &self.books.ring[self.pending % PAIRS]
            if waiting.sequence > best.sequence:
                break
            self.count_in_force(best if waiting.sequence == best.sequence else newest(&self.tickers), waiting)
            self.pending += 1
        remember(&self.tickers, best)

    cdef void take_loose(self, Best *best, Best *book) noexcept nogil:
        """Hold the book against a best without a number: it is of about this time, and its sizes may not be told."""
        if best.bid_size < 0:
            book.bid_size = book.ask_size = -1
        self.best_checked += 1
        self.best_equal += same(best, book)

    cdef void pass_over(self) noexcept nogil:
        """Books that waited for too long are not kept any more."""
        if self.pending + PAIRS < self.books.count:
            self.pending = self.books.count - PAIRS

    cdef void count_in_force(self, Best *ticker, Best *book) noexcept nogil:
        """Count one comparison with the best in force at a book's number; one as old as the snapshot proves nothing."""
        if ticker != NULL and ticker.sequence > self.seed_sequence:
            self.best_checked += 1
            self.best_equal += same(ticker, book)

    def close(self):
        """Nothing more comes: for each book still waiting the best in force is the newest one that is known."""
        cdef Best *waiting
        self.pass_over()
        while self.pending < self.books.count:
            waiting = &self.books.ring[self.pending % PAIRS]
            self.count_in_force(recall(&self.tickers, waiting.sequence), waiting)
            self.pending += 1
