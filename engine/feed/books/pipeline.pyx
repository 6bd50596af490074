# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The frames of one connection to ticks and books: the loop that makes a tick.

    frame ─▶ market.scan ─▶ messages ─▶ track: rule ─▶ book ─▶ outbox
               │ not market data, or malformed
               └─▶ returned: acknowledgements, errors and malformed frames are read in Python
"""

from libc.stdint cimport int64_t

from engine.feed.books.connection_sequence cimport IN_ORDER, LOST, RESTARTED, ConnectionSequence
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.track cimport GAP_HELD, MADE_SUSPECT, Track
from engine.meters.current cimport CLOCK_OFFSET, TIMED, count_up, observe_ns, sy_meter_clock
from engine.venues.market cimport BEAT, BEST, DELTA, MALFORMED, PRINT, TOP, Market, Message

from engine.meters.table import place_of

cdef Py_ssize_t DECODE = place_of("decode")
cdef Py_ssize_t BOOK = place_of("book")
cdef Py_ssize_t PUBLISH = place_of("publish")
cdef Py_ssize_t FRAMES = place_of("frames")
cdef Py_ssize_t FRAME_BYTES = place_of("frame_bytes")
cdef Py_ssize_t MESSAGES = place_of("messages")
cdef Py_ssize_t MALFORMED_FRAMES = place_of("malformed")
cdef Py_ssize_t GAPS = place_of("gaps")


cdef class Pipeline:
    """One connection's scanner and the tracks of its instruments, in the order of the scanner's listings."""

    def __init__(self, Market market, Outbox outbox, spoilt_by=None):
        """Tracks are added later. `spoilt_by(frame)` names the books that a malformed frame could have changed."""
        self.market, self.outbox, self.tracks, self.spoilt_by = market, outbox, [], spoilt_by
        self.print_tracks, self.samples = self.tracks, [None] * KINDS
        self.sequence = -1

    def add(self, Track track):
        """Add the track of the listing with its index."""
        if track.index != len(self.tracks) or track.index >= self.market.listing_count:
            raise ValueError(f"{track.symbol}: track {track.index} does not follow {len(self.tracks)} tracks")
        self.tracks.append(track)

    cpdef list process(self, object frames, int64_t receive_ns, int64_t now_ns, ConnectionSequence connection=None):
        """Apply frames in order; return those without market data as (frame, whether it is malformed).

        `TimedFrames` hold each frame's own time, which replaces `receive_ns`. `connection` is the sequence of the
        connection that received the frames; without one, gaps are counted by the book.
        """
        cdef bytes frame
        cdef int found
        cdef int64_t gaps = self.gaps
        cdef Py_ssize_t place = 0
        cdef list rest = None
        cdef list times = None if type(frames) is list else frames.times
        self.recorded = times is not None
        for frame in frames:
            if times is not None:
                receive_ns = times[place]
                place += 1
            found = self.process_one(frame, receive_ns, now_ns, connection)
            if found <= 0:
                if rest is None:
                    rest = []
                rest.append((frame, found == MALFORMED))
        if self.gaps != gaps:
            count_up(GAPS, self.gaps - gaps)
        return rest

    cdef int process_one(
        self, bytes frame, int64_t receive_ns, int64_t now_ns, ConnectionSequence connection
    ) except -2:
        """Apply one frame; return the scanner's answer."""
        cdef int64_t begin_ns = sy_meter_clock() if self.frames % TIMED == 0 else 0
        cdef int found = self.market.scan(frame, len(frame))
        cdef int64_t decoded_ns = sy_meter_clock() if begin_ns else 0
        cdef Py_ssize_t i
        self.frames += 1
        count_up(FRAMES, 1)
        count_up(FRAME_BYTES, len(frame))
        if found == MALFORMED:
            self.malformed += 1
            count_up(MALFORMED_FRAMES, 1)
            if self.market.frame_sequence >= 0:
                self.check_frame_number(receive_ns, now_ns)
            if self.spoilt_by is not None:
                self.mark_gaps(self.spoilt_by(frame), receive_ns, now_ns)
            return found
        if self.market.frame_sequence >= 0:
            self.check_frame_number(receive_ns, now_ns)
        for i in range(found):
            self.dispatch(&self.market.messages[i], frame, receive_ns, now_ns, connection)
        if found > 0:
            count_up(MESSAGES, found)
            if begin_ns:
                self.measure_frame(begin_ns, decoded_ns, receive_ns)
            if len(frame) <= SAMPLE_MAX:
                self.samples[self.market.messages[0].kind] = frame
        if self.holding:
            self.retry(now_ns)
        return found

    cdef void measure_frame(self, int64_t begin_ns, int64_t decoded_ns, int64_t receive_ns) noexcept nogil:
        """Record how long a frame took; its bytes were received at a time of the engine's clock."""
        cdef int64_t end_ns = sy_meter_clock()
        observe_ns(DECODE, decoded_ns - begin_ns)
        observe_ns(BOOK, end_ns - decoded_ns)
        if not self.recorded:  # the receipt of a recorded frame was long ago
            observe_ns(PUBLISH, end_ns + CLOCK_OFFSET - receive_ns)

    cdef int retry(self, int64_t now_ns) except -1:
        """Apply the changes that are held after gaps again: the last frame may have filled one."""
        cdef Track track
        cdef int count, i
        self.holding = False
        for track in self.tracks:
            if not track.held.rows:
                continue
            for frame, receive_ns in track.held.remove_all():
                count = self.market.scan(frame, len(frame))
                for i in range(count):
                    if self.market.messages[i].kind == DELTA and self.market.messages[i].index == track.index:
                        track.delta(self.market, &self.market.messages[i], frame, receive_ns, now_ns)
            self.holding |= track.holds_frames()
        return 0

    cdef int check_frame_number(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Check the number that the venue gives each frame: a missing frame may have changed any book."""
        cdef int64_t expected = self.sequence + 1
        self.sequence = self.market.frame_sequence
        if expected and self.sequence != expected:
            self.gaps += 1
            for track in self.tracks:
                track.mark_gap(receive_ns, now_ns)
        return 0

    cdef int dispatch(
        self, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns, ConnectionSequence connection
    ) except -1:
        """Give a message to its track."""
        cdef Track track
        self.messages += 1
        if message.index < 0:
            self.strangers += 1
            return 0
        track = <Track>self.tracks[message.index]
        if connection is not None:
            connection.count(message)
        if message.kind == DELTA:
            return self.apply_delta(track, message, frame, receive_ns, now_ns, connection)
        if message.kind == BEST or message.kind == TOP:
            return track.best(message, receive_ns, now_ns)
        if message.kind == PRINT:
            self.gaps += track.check_print(message, receive_ns, now_ns) == MADE_SUSPECT
            return (<Track>self.print_tracks[message.index]).trade(message, receive_ns, now_ns)
        if message.kind == BEAT:
            return track.beat(message, now_ns)
        return track.seed(self.market, message, receive_ns, now_ns)

    cdef int apply_delta(
        self, Track track, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns,
        ConnectionSequence connection
    ) except -1:
        """Apply a change of a book, and count a gap: in the connection's own numbers, or else in the book's."""
        cdef int outcome, step = IN_ORDER
        if connection is not None:
            step = connection.follow(message, track.rule)
        track.diffs += 1
        if step == RESTARTED:
            track.renumber(receive_ns, now_ns)
        outcome = track.delta(self.market, message, frame, receive_ns, now_ns)
        if connection is not None and message.sequenced:
            self.gaps += step == LOST
        else:
            self.gaps += outcome == GAP_HELD or outcome == MADE_SUSPECT
        self.holding |= track.held_ns != 0
        return outcome

    def publish_prints_by(self, Pipeline other):
        """Publish this connection's prints by another pipeline's tracks: prints have the same numbers everywhere."""
        self.print_tracks = other.tracks

    def set_second_source(self, bint present):
        """Note whether a second connection feeds these tracks or, with book numbers of its own, their prints."""
        cdef Track track
        for track in self.tracks:
            track.set_second_source(present)

    def expire(self, int64_t now_ns, int64_t hold_ns):
        """End each gap that no connection filled within `hold_ns`."""
        for track in self.tracks:
            track.expire(now_ns, hold_ns)

    def replace(self, Pipeline before, int64_t now_ns):
        """Publish in the place of another connection's pipeline."""
        self.outbox, before.outbox = before.outbox, self.outbox
        self.print_tracks = self.tracks
        for track, old in zip(self.tracks, before.tracks, strict=True):
            track.replace(old, now_ns)

    def mark_gaps(self, tuple symbols, int64_t receive_ns, int64_t now_ns):
        """Mark these books suspect because a message about them could not be read; an empty name means every book."""
        for track in self.tracks:
            if track.has_snapshot and (track.symbol in symbols or "" in symbols):
                track.mark_gap(receive_ns, now_ns)

    def snapshot(self, int index, bytes body, int64_t receive_ns, int64_t now_ns):
        """Apply the answer to a request for a book, then the frames kept for it; return False if it is malformed."""
        cdef Track track = <Track>self.tracks[index]
        if self.market.scan_snapshot(body, len(body), index) != 1:
            self.malformed += 1
            track.wants_snapshot = True
            return False
        track.seed(self.market, &self.market.messages[0], receive_ns, now_ns)
        for frame, kept_ns in track.kept.remove_all():
            if self.market.scan(frame, len(frame)) > 0:
                track.delta(self.market, &self.market.messages[0], frame, kept_ns, now_ns)
        return True

    def relist(self, int index, int price_decimals, int size_decimals, int64_t now_ns):
        """Read a listing by other decimals: its book begins again with a snapshot."""
        self.market.relist(index, price_decimals, size_decimals)
        self.tracks[index].disconnect(now_ns)

    def disconnect(self, int64_t now_ns):
        """Reset every track after the connection was lost."""
        self.sequence = -1
        for track in self.tracks:
            track.disconnect(now_ns)
