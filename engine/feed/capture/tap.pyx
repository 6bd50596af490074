# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Copies every frame between the feed and its venues into the ring FRAMES, for a recorder.

    venue ──▶ port ──▶ TappedStream ──▶ Link            the feed receives the same frames
                            │ copy, one publish a poll
                            └──▶ FRAMES (ring of 256-byte records, never wakes)   ◀── recorder, read-only

A frame fills as many records as it needs. Each record holds the frame's number and its own offset, so a lapped reader
continues at the next frame. The tap copies a request's target only, never a header or a body: they hold keys.
The feed does not wait: a recorder that is too slow loses frames and counts them.
"""

import json

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from engine.feed.books.outbox cimport writer_of
from engine.model.frame_id cimport CONNECTION_BITS, FRAME_BITS
from engine.model.records cimport PAYLOAD, Piece
from engine.model.words cimport (
    FLAG_LAST, FRAME_BEGIN, FRAME_CLOSED, FRAME_RECEIVED, FRAME_REQUEST, FRAME_RESPONSE, FRAME_SENT,
)
from shm.protocol cimport sy_begin, sy_publish, sy_slot, sy_writer

from engine.model import records
from engine.venues.port import PortState

cdef object CLOSED = PortState.CLOSED
assert records.FRAME.size == sizeof(Piece)


cdef class Tap:
    """The one writer of FRAMES and CONNECTIONS."""

    cdef object frames_lane
    cdef object cells
    cdef sy_writer *ring
    cdef uint64_t waiting  # records that are written and not published
    cdef uint64_t number
    cdef uint64_t connection
    cdef uint64_t cell_count

    def __init__(self, frames, cells, uint64_t cell_count):
        """Write to this ring and to these `cell_count` cells."""
        self.frames_lane, self.cells, self.cell_count = frames, cells, cell_count
        self.ring = writer_of(frames)
        if self.ring == NULL:
            raise ValueError("a tap needs the FRAMES ring")
        self.number = <uint64_t>frames.epoch << FRAME_BITS
        self.connection = <uint64_t>frames.epoch << CONNECTION_BITS

    @property
    def count(self):
        """How many frames this life has written."""
        return self.number & ((<uint64_t>1 << FRAME_BITS) - 1)

    def begin(self, str venue, str dialect, str target, int64_t now_ns):
        """Write the beginning of a connection; return its number."""
        cdef uint64_t number = self.connection
        self.connection += 1
        self.publish_connection(number, now_ns, 0, venue, dialect, target)
        row = {"venue": venue, "dialect": dialect, "target": target}
        self.write(number, FRAME_BEGIN, json.dumps(row).encode(), now_ns)
        return number

    def end(self, uint64_t connection, str venue, str dialect, str target, str reason, int64_t begin_ns,
            int64_t now_ns):
        """Write the end of a connection."""
        self.publish_connection(connection, begin_ns, now_ns, venue, dialect, target)
        self.write(connection, FRAME_CLOSED, reason.encode(), now_ns)

    def write(self, uint64_t connection, int kind, bytes payload, int64_t receive_ns):
        """Write and publish one frame."""
        self.put(connection, kind, payload, receive_ns)
        self.publish()

    cdef int rehearse(self, uint64_t connection, bytes payload) except -1:
        """Write a frame without publishing it, so that the next one's slots are in the cache."""
        if self.waiting == 0 and len(payload) <= <Py_ssize_t>(self.ring.reserve * PAYLOAD):
            self.put(connection, FRAME_RECEIVED, payload, 0)
            self.number -= 1
            self.waiting = 0
        return 0

    def close(self):
        """Close the lanes."""
        self.frames_lane.close()
        self.cells.close()

    cdef int publish_connection(
        self, uint64_t number, int64_t begin_ns, int64_t end_ns, venue, dialect, target
    ) except -1:
        """Publish a connection in its cell, for a recorder that starts later; a long target is cut."""
        row = records.CONNECTION.row(
            number=number, begin_ns=begin_ns, end_ns=end_ns, venue=venue.encode()[:32], dialect=dialect.encode()[:32],
            target=target.encode()[:160])
        self.cells.write(number % self.cell_count, *row)
        return 0

    cdef int write_frames(self, uint64_t connection, list frames, int64_t receive_ns) except -1:
        """Write and publish the frames of one poll."""
        cdef bytes frame
        for frame in frames:
            self.put(connection, FRAME_RECEIVED, frame, receive_ns)
        self.publish()
        return 0

    cdef int put(self, uint64_t connection, int kind, bytes payload, int64_t receive_ns) except -1:
        """Write one frame after the cursor, in as many records as it needs."""
        cdef const char *data = payload
        cdef Py_ssize_t length = len(payload), offset = 0
        cdef uint16_t size
        cdef Piece *piece
        while True:
            if self.waiting == self.ring.reserve:
                self.publish()
            if self.waiting == 0:
                sy_begin(self.ring)
            size = <uint16_t>(length - offset if length - offset < PAYLOAD else PAYLOAD)
            piece = <Piece *>sy_slot(self.ring, self.waiting)
            piece.receive_ns = receive_ns
            piece.number = self.number
            piece.connection = connection
            piece.length = <uint32_t>length
            piece.offset = <uint32_t>offset
            piece.size = size
            piece.kind = kind
            memcpy(piece.payload, data + offset, size)
            self.waiting += 1
            offset += size
            if offset >= length:
                piece.flags = FLAG_LAST
                break
            piece.flags = 0
        self.number += 1
        return 0

    cdef int publish(self) except -1:
        """Publish the records that were written."""
        if self.waiting:
            sy_publish(self.ring, self.waiting)
            self.waiting = 0
        return 0


cdef class TappedStream:
    """A `StreamPort` whose frames are recorded on the way; everything else is the inner port's."""

    cdef object port
    cdef object poll_port
    cdef Tap tap
    cdef str venue, dialect, target
    cdef int64_t begin_ns, seen_ns
    cdef uint64_t connection
    cdef bint ended

    def __init__(self, port, Tap tap, str venue, str dialect, str target, int64_t now_ns):
        """Record a port that begins at this time."""
        self.port, self.tap, self.poll_port = port, tap, port.poll_if_changed
        self.venue, self.dialect, self.target = venue, dialect, target
        self.begin_ns = self.seen_ns = now_ns
        self.connection = tap.begin(venue, dialect, target, now_ns)

    @property
    def state(self):
        """The port's state; its end is recorded when it is seen first."""
        state = self.port.state
        if state is CLOSED and not self.ended:
            self.end(self.port.error)
        return state

    @property
    def error(self):
        """The port's."""
        return self.port.error

    @property
    def receive_ns(self):
        """The port's: a ping changes it too, because the connection is alive."""
        return self.port.receive_ns

    @property
    def unfinished(self):
        """The port's."""
        return self.port.unfinished

    @property
    def recorded(self):
        """The port's."""
        return self.port.recorded

    @property
    def reports_quiet(self):
        """The port's."""
        return self.port.reports_quiet

    def poll(self, now_ns):
        """The port's frames."""
        frames = self.poll_if_changed(now_ns)
        return [] if frames is None else frames

    def poll_if_changed(self, now_ns):
        """The port's frames; None where the port knows that nothing has changed."""
        cdef list frames = self.poll_port(now_ns)
        self.seen_ns = now_ns
        if frames:
            self.tap.write_frames(self.connection, frames, self.port.receive_ns)
        return frames

    def rehearse(self, bytes frame):
        """Run the code that receives and records a frame, without recording one."""
        self.port.rehearse(frame)
        self.tap.rehearse(self.connection, frame)

    def send(self, bytes payload):
        """Send the message, and record it."""
        sent = self.port.send(payload)
        if sent:
            self.tap.write(self.connection, FRAME_SENT, payload, self.seen_ns)
        return sent

    def close(self):
        """Close the port."""
        self.port.close()
        if not self.ended:
            self.end("closed by us")

    def warm(self, bytes payload):
        """The port's."""
        self.port.warm(payload)

    def fileno(self):
        """The port's."""
        return self.port.fileno()

    def interests(self):
        """The port's."""
        return self.port.interests()

    cdef int end(self, reason) except -1:
        self.ended = True
        self.tap.end(self.connection, self.venue, self.dialect, self.target, str(reason), self.begin_ns, self.seen_ns)
        return 0


cdef class TappedRequests:
    """A `RequestPort` whose targets and answers are recorded; headers and bodies of requests never are."""

    cdef object port
    cdef Tap tap
    cdef dict targets
    cdef uint64_t connection

    def __init__(self, port, Tap tap, str venue, str dialect, int64_t now_ns):
        """Record the requests to one venue."""
        self.port, self.tap, self.targets = port, tap, {}
        self.connection = tap.begin(venue, dialect, "", now_ns)

    def request(self, str method, str target, dict headers, bytes body, now_ns):
        """Start a request."""
        number = self.port.request(method, target, headers, body, now_ns)
        self.targets[number] = target
        self.tap.write(self.connection, FRAME_REQUEST, f"{method} {target}".encode(), now_ns)
        return number

    def poll(self, now_ns):
        """The port's answers."""
        cdef list answers = self.port.poll(now_ns)
        for answer in answers:
            head = f"{answer.status} {self.targets.pop(answer.request_id, '')}\n".encode()
            self.tap.write(self.connection, FRAME_RESPONSE, head + (answer.body or answer.error.encode()), now_ns)
        return answers

    def close(self):
        """Close the port; requests under way get no answer."""
        self.targets.clear()
        self.port.close()

    @property
    def busy(self):
        """The port's."""
        return self.port.busy

    def interests(self):
        """The port's."""
        return self.port.interests()
