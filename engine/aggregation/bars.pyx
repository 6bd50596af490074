# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Bars of every instrument and interval from the prints on TICKS, closed by the clock.

    stamp of a print ──▶ its interval ──▶ the current bar, or the earlier one that waits for its grace
    now ≥ end + grace ──▶ closed: on the ring `bars`, in the cells; never changed again

The rules, under which a bar equals an offline resample of the same records:
- A print belongs to the interval of its stamp: `receive_ns`, or `venue_ns` if the configuration chooses it. The receipt
  counts if the venue gives no time or an impossible one: of the first days of 1970, or more than `ahead` after the
  receipt, which would close bars of the future. Inside a bar the order is the lane's.
- A bar closes when the clock is `grace` beyond its end and the feed has published what it received up to the end, or
  when a print is two intervals ahead of it. A print that comes after that is in no bar: its count and volume are `late`
  in the bar that is open then. A bar does not wait for a feed that is silent for too long: it closes as PARTIAL.
- An interval without prints is a bar too, EMPTY, at the last close; there is no bar before the first print. A hole of
  more than GAP_MAX intervals is not filled.
- A print that a feed repeats (its number is not above the last one's, and its time is not newer) is left out.

Sums are 128 bits wide: a notional ends at 10^22 of the quote asset even where price and size have eight decimals each.

Three cells a series hold the last closed, the earlier and the current bar, each with the cursor up to which prints are
in it: a successor reads TICKS from there, and makes the bars that the killed role would have made. A bar that may miss
prints is PARTIAL.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from engine.aggregation.shelf cimport BAR_SIZE, CURRENT, EARLIER, LAST_CLOSED, PLACES, Shelf
from engine.model.aggregates cimport Bar
from engine.model.records cimport Tick
from engine.model.wide cimport high_of, low_of, wide_of, wide_t
from engine.model.words cimport BAR_CLOSED, BAR_EMPTY, BAR_PARTIAL, FLAG_MUTE, TICK_PRINT, TICK_STATE

from engine.model import records, words

cdef enum:
    GAP_MAX = 1024
    FEEDS = 64

AWAY = frozenset((int(words.BookState.EMPTY), int(words.BookState.SUSPECT), int(words.BookState.DISCONNECTED),
                  int(words.BookState.REFUSED)))
STALE = int(words.BookState.STALE)

assert sizeof(Tick) == records.TICK.size


cdef inline void add(int64_t *high, uint64_t *low, wide_t value) noexcept nogil:
    """Add to a number in two halves."""
    cdef wide_t total = wide_of(high[0], low[0]) + value
    high[0], low[0] = high_of(total), low_of(total)


cdef class Bars(Shelf):
    """The bars of every series: apply prints, and close bars."""

    cdef readonly int64_t next_ns  # when the clock closes the next bar
    cdef readonly uint64_t closed, late, duplicates
    cdef object ring
    cdef int64_t[FEEDS] since_ns  # of each feed: prints received before it may be missing
    cdef const uint8_t[::1] feed_of  # of each instrument
    cdef readonly uint64_t wild  # prints whose venue's time was impossible
    cdef int64_t grace_ns, ahead_ns, longest_ns
    cdef int64_t heard_ns  # up to when the feed has published what it received
    cdef bint by_venue
    cdef object print_storage
    cdef int64_t *last_print  # of each instrument: number and venue_ns
    cdef uint8_t *away  # of each instrument: its venue is disconnected or silent
    cdef int64_t *incomplete_ns  # of each instrument: up to when prints may be missing
    cdef object away_storage, incomplete_storage
    cdef uint64_t at_sequence  # of the tick that is being added
    cdef uint32_t at_instrument  # 0: none is

    def __init__(
        self, instruments, intervals, int64_t grace_ns, bint by_venue, int64_t ahead_ns, ring, cells, feeds=None
    ):
        """Series for these instruments and lengths; `cells` holds three a series, see the shelf.

        `feeds` is the place of each instrument's feed, by its id.
        """
        super().__init__(instruments, intervals, cells)
        if any(grace_ns >= one for one in self.intervals):
            raise ValueError(f"the grace of bars must be less than the shortest interval, was {grace_ns} ns")
        self.longest_ns = max(self.intervals, default=0)
        self.grace_ns, self.by_venue, self.ahead_ns = grace_ns, by_venue, ahead_ns
        self.ring = ring
        self.feed_of = bytes((feeds or {}).get(one, 0) for one in self.instruments) or b"\0"
        self.print_storage = bytearray(max(1, len(self.instruments)) * 2 * sizeof(int64_t))
        self.last_print = <int64_t *>PyByteArray_AS_STRING(self.print_storage)
        self.away_storage = bytearray(max(1, len(self.instruments)))
        self.away = <uint8_t *>PyByteArray_AS_STRING(self.away_storage)
        self.incomplete_storage = bytearray(max(1, len(self.instruments)) * sizeof(int64_t))
        self.incomplete_ns = <int64_t *>PyByteArray_AS_STRING(self.incomplete_storage)
        self.next_ns = self.heard_ns = INT64_MAX

    def begin(self, const uint8_t[::1] held, const uint8_t[::1] closed, oldest, since_ns):
        """Continue an earlier life from its cells, and from the closed bars on the ring.

        `oldest` is the tick from which each feed's TICKS will be read, received at `since_ns`.
        """
        cdef Py_ssize_t i, room = self.series_count * PLACES
        for i in range(len(since_ns)):
            self.since_ns[i] = since_ns[i]
        for i in range(min(room, held.shape[0] // <Py_ssize_t>BAR_SIZE)):
            self.restore(i, <const Bar *>&held[i * BAR_SIZE])
        for i in range(closed.shape[0] // <Py_ssize_t>BAR_SIZE):
            self.note_closed(<const Bar *>&closed[i * BAR_SIZE])
        for i in range(self.series_count):
            self.reconcile(i, oldest[self.feed_of[i // self.interval_count]])
        for i in range(held.shape[0] // <Py_ssize_t>BAR_SIZE):
            self.void(i, <const Bar *>&held[i * BAR_SIZE])
        self.publish_touched(min(since_ns))

    cdef void reconcile(self, Py_ssize_t series, uint64_t oldest) noexcept nogil:
        """Drop closed and doubled bars; mark the bars that the lane cannot complete."""
        cdef Bar *last = self.at(series, LAST_CLOSED)
        cdef Bar *current = self.at(series, CURRENT)
        cdef int which
        cdef Bar *bar
        if self.at(series, EARLIER).start_ns >= current.start_ns:
            memset(self.at(series, EARLIER), 0, sizeof(Bar))
        for which in range(EARLIER, CURRENT + 1):
            bar = self.at(series, which)
            if bar.start_ns <= last.start_ns:
                memset(bar, 0, sizeof(Bar))
            elif bar.tick_sequence < oldest:
                bar.flags |= BAR_PARTIAL
            if bar.start_ns:
                self.wake(bar)
        if not current.start_ns and last.start_ns:
            self.fresh(series, last.start_ns + last.interval_ns, 0)

    cdef inline void wake(self, Bar *bar) noexcept nogil:
        """Check the bars at the latest when the clock closes this one."""
        self.next_ns = min(self.next_ns, bar.start_ns + bar.interval_ns + self.grace_ns)

    cdef void fresh(self, Py_ssize_t series, int64_t start_ns, uint64_t sequence) noexcept nogil:
        """Begin the current bar; prints before `sequence` on TICKS are not part of it."""
        cdef Bar *bar = self.at(series, CURRENT)
        memset(bar, 0, sizeof(Bar))
        bar.start_ns, bar.interval_ns = start_ns, self.interval[series % self.interval_count]
        bar.tick_sequence = sequence
        cdef Py_ssize_t place = series // self.interval_count
        if (start_ns < self.since_ns[self.feed_of[place]] or self.away[place]
                or start_ns <= self.incomplete_ns[place]):
            bar.flags |= BAR_PARTIAL
        self.wake(bar)

    def add_ticks(self, const uint8_t[::1] ticks, uint64_t first_sequence, int64_t now_ns):
        """Add a batch of ticks to the bars, in order; return the number of prints."""
        cdef Py_ssize_t i, count = ticks.shape[0] // <Py_ssize_t>sizeof(Tick)
        cdef const Tick *tick
        cdef int prints = 0
        for i in range(count):
            tick = <const Tick *>&ticks[i * sizeof(Tick)]
            self.at_sequence, self.at_instrument = first_sequence + i, tick.instrument
            if tick.kind == TICK_PRINT:
                prints += self.add_print(tick, first_sequence + i + 1, now_ns)
            elif tick.kind == TICK_STATE:
                self.apply_state(tick.instrument, tick.detail, tick.flags, tick.receive_ns)
        self.at_instrument = 0
        if prints:
            self.publish_touched(now_ns)
        return prints

    @property
    def at(self):
        """The tick that is being added, as (lane, sequence, instrument); None between two batches."""
        return ("ticks", self.at_sequence, self.at_instrument) if self.at_instrument else None

    cdef int add_print(self, const Tick *tick, uint64_t sequence, int64_t now_ns) except -1:
        """Add one print to every interval's bar."""
        cdef Py_ssize_t place, i, series
        cdef int64_t stamp = tick.receive_ns
        found = self.places.get(tick.instrument)
        if found is None:
            return 0
        place = found
        if tick.receive_ns < <int64_t>self.kinds[place][3]:
            return 0
        if self.is_told_again(tick, place):
            self.duplicates += 1
            return 0
        if self.by_venue and tick.venue_ns:
            if self.longest_ns <= tick.venue_ns <= tick.receive_ns + self.ahead_ns:
                stamp = tick.venue_ns
            else:
                self.wild += 1
        for i in range(self.interval_count):
            series = place * self.interval_count + i
            if self.put(series, tick, stamp - stamp % self.interval[i], sequence, now_ns):
                return -1
        return 1

    cdef bint is_told_again(self, const Tick *tick, Py_ssize_t place) noexcept nogil:
        """Whether a later life of the feed repeats a print; after the venue renumbers, its time is newer."""
        cdef int64_t *number = &self.last_print[2 * place]
        cdef int64_t *venue_ns = &self.last_print[2 * place + 1]
        if tick.detail > 0 and tick.detail <= number[0] and tick.venue_ns <= venue_ns[0]:
            return True
        number[0], venue_ns[0] = tick.detail, tick.venue_ns
        return False

    cdef int put(self, Py_ssize_t series, const Tick *tick, int64_t start_ns, uint64_t sequence,
                 int64_t now_ns) except -1:
        """Add a print to the bar that begins at `start_ns`."""
        cdef Bar *current = self.at(series, CURRENT)
        cdef Bar *earlier = self.at(series, EARLIER)
        if start_ns > current.start_ns:
            self.advance(series, start_ns, sequence - 1, now_ns)
        elif start_ns + current.interval_ns == current.start_ns and self.at(series, LAST_CLOSED).start_ns == 0:
            self.open_first(series, start_ns, sequence - 1)
        if start_ns == current.start_ns:
            self.count_in(series, CURRENT, tick, sequence)
        elif earlier.start_ns and start_ns == earlier.start_ns:
            self.count_in(series, EARLIER, tick, sequence)
        elif sequence > max(current.tick_sequence, self.at(series, LAST_CLOSED).tick_sequence):
            current.late_count += 1
            add(&current.late_high, &current.late_low, tick.size)
            current.tick_sequence = sequence
            self.touched[series * PLACES + CURRENT] = 1
            self.late += 1
        return 0

    cdef void open_first(self, Py_ssize_t series, int64_t start_ns, uint64_t sequence) noexcept nogil:
        """The first print of all may have overtaken the last ones of the interval before."""
        cdef Bar *earlier = self.at(series, EARLIER)
        if earlier.start_ns == 0:
            earlier.start_ns, earlier.interval_ns = start_ns, self.interval[series % self.interval_count]
            earlier.tick_sequence, earlier.flags = sequence, BAR_PARTIAL
            self.wake(earlier)

    cdef void count_in(self, Py_ssize_t series, int which, const Tick *tick, uint64_t sequence) noexcept nogil:
        """Add a print to its bar, unless an earlier life counted it."""
        cdef Bar *bar = self.at(series, which)
        if sequence <= bar.tick_sequence:
            return
        if bar.count == 0:
            bar.open = bar.high = bar.low = tick.price
            bar.first_print = tick.detail
        bar.high = max(bar.high, tick.price)
        bar.low = min(bar.low, tick.price)
        bar.close = tick.price
        bar.last_print = tick.detail
        bar.count += 1
        bar.tick_sequence = sequence
        add(&bar.volume_high, &bar.volume_low, tick.size)
        add(&bar.notional_high, &bar.notional_low, <wide_t>tick.price * tick.size)
        if tick.side > 0:
            add(&bar.bought_high, &bar.bought_low, tick.size)
        self.touched[series * PLACES + which] = 1

    cdef int advance(self, Py_ssize_t series, int64_t start_ns, uint64_t sequence, int64_t now_ns) except -1:
        """Make the bar that begins at `start_ns` the current one, with every bar between."""
        cdef Bar *current = self.at(series, CURRENT)
        cdef int64_t interval_ns = self.interval[series % self.interval_count]
        if current.start_ns == 0:
            self.fresh(series, start_ns, sequence)
        elif (start_ns - current.start_ns) // interval_ns > GAP_MAX:
            self.shift(series, sequence, now_ns)
            self.close(series, now_ns)
            self.fresh(series, start_ns, sequence)
            current.flags |= BAR_PARTIAL
        while current.start_ns < start_ns:
            self.shift(series, sequence, now_ns)
        return 0

    cdef int shift(self, Py_ssize_t series, uint64_t sequence, int64_t now_ns) except -1:
        """The current bar becomes the earlier one, which closes if it is there; the next interval begins."""
        cdef Bar *current = self.at(series, CURRENT)
        cdef Bar *earlier = self.at(series, EARLIER)
        if earlier.start_ns:
            self.close(series, now_ns)
        earlier[0] = current[0]
        self.fresh(series, earlier.start_ns + earlier.interval_ns, sequence)
        self.touched[series * PLACES + EARLIER] = self.touched[series * PLACES + CURRENT] = 1
        return 0

    cdef int close(self, Py_ssize_t series, int64_t now_ns) except -1:
        """Publish the earlier bar for good."""
        cdef Bar *bar = self.at(series, EARLIER)
        cdef Bar *last = self.at(series, LAST_CLOSED)
        if bar.count == 0:
            bar.flags |= BAR_EMPTY
            bar.open = bar.high = bar.low = bar.close = last.close
        bar.flags |= BAR_CLOSED if bar.start_ns + bar.interval_ns <= self.heard_ns else BAR_CLOSED | BAR_PARTIAL
        self.label(series, bar, now_ns)
        self.ring.publish_bytes(self.record_of(series, EARLIER))
        last[0] = bar[0]
        memset(bar, 0, sizeof(Bar))
        self.touched[series * PLACES + LAST_CLOSED] = self.touched[series * PLACES + EARLIER] = 1
        self.closed += 1
        return 0

    def note_received(self, int feed, int64_t first_ns):
        """A feed's prints are known from this time on, if it is earlier than the one that is known."""
        self.since_ns[feed] = min(self.since_ns[feed], first_ns)

    def close_due(self, int feed, int64_t now_ns, uint64_t sequence, int64_t heard_ns, int64_t patience_ns):
        """Close every bar of a feed whose grace is over; `sequence` is its TICKS cursor; how many were closed.

        The feed has published what it received up to `heard_ns`. A bar that ends later waits while the feed is silent
        for at most `patience_ns`.
        """
        cdef Py_ssize_t series
        cdef uint64_t before = self.closed
        cdef int64_t due_ns = now_ns - self.grace_ns
        if heard_ns < due_ns and now_ns - heard_ns <= patience_ns:
            due_ns = heard_ns
        if due_ns + self.grace_ns < self.next_ns:
            return 0
        self.next_ns, self.heard_ns = INT64_MAX, heard_ns
        for series in range(self.series_count):
            if self.feed_of[series // self.interval_count] != feed:
                self.wake_series(series)
            elif self.at(series, CURRENT).start_ns:
                self.close_series(series, sequence, due_ns, now_ns)
        self.heard_ns = INT64_MAX
        self.publish_touched(now_ns)
        return self.closed - before

    cdef void wake_series(self, Py_ssize_t series) noexcept nogil:
        """Be there when the clock closes the bars of a series."""
        cdef int which
        for which in range(EARLIER, CURRENT + 1):
            if self.at(series, which).start_ns:
                self.wake(self.at(series, which))

    cdef int close_series(self, Py_ssize_t series, uint64_t sequence, int64_t due_ns, int64_t now_ns) except -1:
        """Close what ended by `due_ns` of one series."""
        cdef Bar *current = self.at(series, CURRENT)
        cdef Bar *earlier = self.at(series, EARLIER)
        if (due_ns - current.start_ns) // current.interval_ns > GAP_MAX:
            self.advance(series, due_ns - due_ns % current.interval_ns, sequence, now_ns)
        while current.start_ns + current.interval_ns <= due_ns:
            self.shift(series, sequence, now_ns)
        if earlier.start_ns and earlier.start_ns + earlier.interval_ns <= due_ns:
            self.close(series, now_ns)
        if earlier.start_ns:
            self.wake(earlier)
        self.wake(current)
        return 0

    def lose(self, int feed):
        """Mark every open bar of a feed PARTIAL: ticks were lost."""
        cdef Py_ssize_t place
        for place in range(len(self.instruments)):
            if self.feed_of[place] == feed:
                self.mark_incomplete(place, INT64_MAX)

    def apply_state(self, uint32_t instrument, int64_t state, int flags, int64_t at_ns):
        """Mark bars PARTIAL while a venue is disconnected or silent; a book alone without changes misses no print."""
        place = self.places.get(instrument)
        if place is not None:
            away = state in AWAY or state == STALE and flags & FLAG_MUTE
            if away:
                self.mark_incomplete(place, at_ns)
            if away or self.away[<Py_ssize_t>place]:
                self.incomplete_ns[<Py_ssize_t>place] = max(self.incomplete_ns[<Py_ssize_t>place], at_ns)
            self.away[<Py_ssize_t>place] = away

    cdef void mark_incomplete(self, Py_ssize_t place, int64_t at_ns) noexcept nogil:
        """Mark an instrument's bars PARTIAL up to this time; later bars, at a start, are not affected."""
        cdef Py_ssize_t series
        cdef int which
        for series in range(place * self.interval_count, (place + 1) * self.interval_count):
            for which in range(EARLIER, CURRENT + 1):
                if self.at(series, which).start_ns and self.at(series, which).start_ns <= at_ns:
                    self.at(series, which).flags |= BAR_PARTIAL
                    self.touched[series * PLACES + which] = 1
