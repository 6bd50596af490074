# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Frames of one connection to ticks and books: the loop in which a tick is made.

    frame ─▶ market.scan ─▶ messages ─▶ track: rule ─▶ book ─▶ outbox
               │ not hot, or malformed
               └─▶ handed back: acknowledgements, errors and what nobody understood are for the slow path
"""

from libc.stdint cimport int64_t

from engine.feed.books.chain cimport BACK, HOLE
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.track cimport Track
from engine.venues.market cimport BEAT, BEST, DELTA, MALFORMED, PRINT, TOP, Market, Message


cdef class Pipeline:
    """One connection's scanner and the tracks of its instruments, in the order of the scanner's listings."""

    def __init__(self, Market market, Outbox outbox):
        """Tracks are added afterwards."""
        self.market, self.outbox, self.tracks = market, outbox, []
        self.printers, self.samples = self.tracks, [None] * KINDS
        self.sequence = -1

    def add(self, Track track):
        """Take a track for the listing of its index."""
        if track.index != len(self.tracks) or track.index >= self.market.listing_count:
            raise ValueError(f"{track.symbol}: track {track.index} does not follow {len(self.tracks)} tracks")
        self.tracks.append(track)

    cpdef list take(self, object frames, int64_t receive_ns, int64_t now_ns):
        """Take frames in order; those that are no hot message come back as (frame, whether it is malformed).

        `TimedFrames` bring the time of each; it stands for `receive_ns` then.
        """
        cdef bytes frame
        cdef int count
        cdef Py_ssize_t place = 0
        cdef list rest = None
        cdef list times = None if type(frames) is list else frames.times
        for frame in frames:
            if times is not None:
                receive_ns = times[place]
                place += 1
            count = self.take_one(frame, receive_ns, now_ns)
            if count <= 0:
                if rest is None:
                    rest = []
                rest.append((frame, count == MALFORMED))
        return rest

    cdef int take_one(self, bytes frame, int64_t receive_ns, int64_t now_ns) except -2:
        """Take one frame; the scanner's answer."""
        cdef int count = self.market.scan(frame, len(frame))
        cdef Py_ssize_t i
        self.frames += 1
        if count == MALFORMED:
            self.malformed += 1
            if self.market.frame_sequence >= 0:
                self.in_order(receive_ns, now_ns)
            if self.examine is not None:
                self.mistrust(self.examine(frame), receive_ns, now_ns)
            return count
        if self.market.frame_sequence >= 0:
            self.in_order(receive_ns, now_ns)
        for i in range(count):
            self.dispatch(&self.market.messages[i], frame, receive_ns, now_ns)
        if count > 0 and len(frame) <= SAMPLE_MAX:
            self.samples[self.market.messages[0].kind] = frame
        if self.holding:
            self.retry(now_ns)
        return count

    cdef int retry(self, int64_t now_ns) except -1:
        """Try what lies behind holes again: a frame may have filled one."""
        cdef Track track
        cdef int count, i
        self.holding = False
        for track in self.tracks:
            if not track.held:
                continue
            for frame, receive_ns in track.take_held():
                count = self.market.scan(frame, len(frame))
                for i in range(count):
                    if self.market.messages[i].kind == DELTA and self.market.messages[i].index == track.index:
                        track.delta(self.market, &self.market.messages[i], frame, receive_ns, now_ns)
            if track.held:
                self.holding = True
            else:
                track.held_ns = 0
        return 0

    cdef int in_order(self, int64_t receive_ns, int64_t now_ns) except -1:
        """Hold the connection's own numbering, where it has one: a hole may have held anything, for any book."""
        cdef int64_t expected = self.sequence + 1
        self.sequence = self.market.frame_sequence
        if expected and self.sequence != expected:
            self.holes += 1
            for track in self.tracks:
                track.mistrust(receive_ns, now_ns)
        return 0

    cdef int dispatch(self, Message *message, object frame, int64_t receive_ns, int64_t now_ns) except -1:
        """Hand a message to its track."""
        cdef Track track
        self.messages += 1
        if message.index < 0:
            self.strangers += 1
            return 0
        track = <Track>self.tracks[message.index]
        if self.chain is not None:
            self.chain.hear(message)
        if message.kind == DELTA:
            return self.take_delta(track, message, frame, receive_ns, now_ns)
        if message.kind == BEST or message.kind == TOP:
            return track.best(message, receive_ns, now_ns)
        if message.kind == PRINT:
            self.holes -= track.suspect
            track.prove(message, receive_ns, now_ns)
            self.holes += track.suspect
            return (<Track>self.printers[message.index]).trade(message, receive_ns, now_ns)
        if message.kind == BEAT:
            return track.hear(message, now_ns)
        return track.seed(self.market, message, receive_ns, now_ns)

    cdef int take_delta(
        self, Track track, Message *message, object frame, int64_t receive_ns, int64_t now_ns
    ) except -1:
        """A change of a book. Who lost what is seen by the connection's own numbers, or by what the book says to it."""
        cdef int64_t before = track.suspect + track.holes
        cdef int step = self.chain.follow(message, track.rule) if self.chain is not None else 0
        track.diffs += 1
        if step == BACK:
            track.renumber(receive_ns, now_ns)
        track.delta(self.market, message, frame, receive_ns, now_ns)
        if self.chain is not None and message.sequenced:
            self.holes += step == HOLE
        else:
            self.holes += track.suspect + track.holes - before
        self.holding |= track.held_ns != 0
        return 0

    def print_by(self, Pipeline other):
        """Hand the prints of this connection to another's tracks: prints have the venue's numbers everywhere."""
        self.printers = other.tracks

    def follow_several(self, bint several):
        """Say whether more than one connection feeds these tracks, or, with numbers of their own, their prints."""
        cdef Track track
        for track in self.tracks:
            track.follow_several(several)

    def expire(self, int64_t now_ns, int64_t hold_ns):
        """Look at what is held."""
        for track in self.tracks:
            track.expire(now_ns, hold_ns)

    def take_over(self, Pipeline before, int64_t now_ns):
        """Speak to the readers in the place of another connection's pipeline."""
        self.outbox, before.outbox = before.outbox, self.outbox
        self.printers = self.tracks
        for track, old in zip(self.tracks, before.tracks, strict=True):
            track.take_over(old, now_ns)

    def mistrust(self, tuple symbols, int64_t receive_ns, int64_t now_ns):
        """A change of these books was refused: what they hold may be wrong. An empty name stands for every book."""
        for track in self.tracks:
            if track.seeded and (track.symbol in symbols or "" in symbols):
                track.mistrust(receive_ns, now_ns)

    def snapshot(self, int index, bytes body, int64_t receive_ns, int64_t now_ns):
        """Take the answer to a request for a book, then what was kept for it; False when it is malformed."""
        cdef Track track = <Track>self.tracks[index]
        if self.market.scan_snapshot(body, len(body), index) != 1:
            self.malformed += 1
            track.wanting = True
            return False
        track.seed(self.market, &self.market.messages[0], receive_ns, now_ns)
        for frame, kept_ns in track.take_kept():
            if self.market.scan(frame, len(frame)) > 0:
                track.delta(self.market, &self.market.messages[0], frame, kept_ns, now_ns)
        return True

    def relist(self, int index, int price_decimals, int size_decimals, int64_t now_ns):
        """A listing's decimals are others: its book is void until a snapshot in them."""
        self.market.relist(index, price_decimals, size_decimals)
        self.tracks[index].disconnect(now_ns)

    def disconnect(self, int64_t now_ns):
        """The connection is gone."""
        self.sequence = -1
        for track in self.tracks:
            track.disconnect(now_ns)
