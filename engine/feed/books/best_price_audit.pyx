# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Compares a book's best prices with the best prices that the venue sends, wherever the two have comparable numbers.

    books     97 ──── 100 ──────── 104 ─▶      bbo    a book and a ticker of the same number, in either order of arrival
    tickers   97  98  100  101  103 ───▶      best   each book and the ticker valid at its number: the newest ticker
                                                     that is not newer than the book. It is known once a ticker with
                                                     the same or a higher number has arrived

The audit decides nothing: it counts comparisons and equal results, for `engine-ctl capture check`. A ticker without a
number is compared with the book of the same moment, and counted under `best`.
"""

from libc.stdint cimport int64_t, uint64_t


cdef inline void remember(Recent *recent, Best *best) noexcept nogil:
    """Keep one for later comparisons."""
    recent.ring[recent.count % PAIRS] = best[0]
    recent.count += 1


cdef inline Best *newest(Recent *recent) noexcept nogil:
    """Return the one kept last, NULL before the first."""
    return &recent.ring[(recent.count - 1) % PAIRS] if recent.count else NULL


cdef inline Best *recall(Recent *recent, int64_t sequence) noexcept nogil:
    """Return the newest one kept whose number is at most this one; numbers only rise."""
    cdef uint64_t back, limit = recent.count if recent.count < PAIRS else PAIRS
    cdef Best *found
    for back in range(1, limit + 1):
        found = &recent.ring[(recent.count - back) % PAIRS]
        if found.sequence <= sequence:
            return found
    return NULL


cdef inline bint same(Best *one, Best *other) noexcept nogil:
    """Whether price and size are equal on both sides."""
    return (one.bid_price == other.bid_price and one.bid_size == other.bid_size
            and one.ask_price == other.ask_price and one.ask_size == other.ask_size)


cdef class BestPriceAudit:
    """The recent books and tickers of one instrument, and the counts."""

    cdef void seed(self, int64_t sequence) noexcept nogil:
        """Note a snapshot's number: a ticker that is not newer than the snapshot is not compared."""
        self.seed_sequence = sequence

    cdef void restart(self) noexcept nogil:
        """Forget the tickers: the venue may have restarted their numbering."""
        self.tickers.count = 0

    cdef bint has_newer(self, int64_t sequence) noexcept nogil:
        """Whether a ticker newer than this number was added."""
        return self.tickers.count > 0 and newest(&self.tickers).sequence > sequence

    cdef void add_book(self, Best *best) noexcept nogil:
        """Compare a book's best prices with the ticker of the same number, and with the ticker valid at its number."""
        cdef Best *ticker = recall(&self.tickers, best.sequence)
        remember(&self.books, best)
        if ticker == NULL:
            return
        if ticker.sequence == best.sequence:
            self.bbo_checked += 1
            self.bbo_equal += same(ticker, best)
        if self.pending == self.books.count - 1 and newest(&self.tickers).sequence >= best.sequence:
            self.pending += 1
            self.count_valid(ticker, best)

    cdef void add_ticker(self, Best *best) noexcept nogil:
        """Compare a ticker with the book of its number, and each pending book with the ticker valid at that book."""
        cdef Best *book = recall(&self.books, best.sequence)
        cdef Best *waiting
        if book != NULL and book.sequence == best.sequence:
            self.bbo_checked += 1
            self.bbo_equal += same(book, best)
        self.drop_oldest()
        while self.pending < self.books.count:
            waiting = &self.books.ring[self.pending % PAIRS]
            if waiting.sequence > best.sequence:
                break
            self.count_valid(best if waiting.sequence == best.sequence else newest(&self.tickers), waiting)
            self.pending += 1
        remember(&self.tickers, best)

    cdef void compare_unnumbered(self, Best *best, Best *book) noexcept nogil:
        """Compare a ticker without a number with the book as it is now; a ticker without sizes is compared by price."""
        if best.bid_size < 0:
            book.bid_size = book.ask_size = -1
        self.best_checked += 1
        self.best_equal += same(best, book)

    cdef void drop_oldest(self) noexcept nogil:
        """Skip the pending books that the ring no longer holds."""
        if self.pending + PAIRS < self.books.count:
            self.pending = self.books.count - PAIRS

    cdef void count_valid(self, Best *ticker, Best *book) noexcept nogil:
        """Count the comparison of a book with the ticker valid at its number, if that is newer than the snapshot."""
        if ticker != NULL and ticker.sequence > self.seed_sequence:
            self.best_checked += 1
            self.best_equal += same(ticker, book)

    def close(self):
        """Compare each pending book with the newest ticker known: no more messages arrive."""
        cdef Best *waiting
        self.drop_oldest()
        while self.pending < self.books.count:
            waiting = &self.books.ring[self.pending % PAIRS]
            self.count_valid(recall(&self.tickers, waiting.sequence), waiting)
            self.pending += 1
