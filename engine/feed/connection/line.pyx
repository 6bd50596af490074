# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What a feed does in nearly every step: read its connections and give their frames to the pipelines.

    LineReader.read ─▶ each Line: the port ─▶ None: nothing arrived, nothing changed
                                           ├─▶ frames ─▶ pipeline
                                           └─▶ no frames, but a change: the feed runs a whole step

A read returns as much as the socket holds. One step processes a limited number of bytes, and so of levels and orders;
the rest stays in `pending` until the next step, and the process beats and steps its other roles in between. A message
is never split.

A line keeps what it does not handle itself: frames without market data (`rest`), and whether the frames had a gap
(`has_gap`). A port that does not report a quiet look is polled, and a poll without frames may hide a change.
"""

from engine.feed.books.connection_sequence cimport ConnectionSequence
from engine.feed.books.pipeline cimport Pipeline
from engine.meters.current cimport TIMED, observe_ns, sy_meter_clock
from libc.stdint cimport int64_t

from engine.meters.table import place_of

cdef enum:
    STEP_BYTES = 1 << 18  # about 25 000 levels; a socket that is read in time holds at most a quarter of it

cdef Py_ssize_t RECEIVE = place_of("receive")


cdef class Line:
    """The hot half of a connection."""

    def __init__(self, port, int64_t now_ns):
        """Read this port, which was connected at this time."""
        self.port, self.received_ns, self.sequence = port, now_ns, ConnectionSequence()
        self.reports_quiet = port.reports_quiet
        self.poll = port.poll_if_changed if self.reports_quiet else port.poll

    cpdef Py_ssize_t read(self, Pipeline pipeline, object now_ns) except -2:
        """Process what arrived; return how many frames, -1 when there were none but something may have changed."""
        cdef int64_t begin_ns, gaps = pipeline.gaps
        frames, self.pending = self.pending, None
        if frames is None:
            begin_ns = sy_meter_clock() if self.reads % TIMED == 0 else 0
            frames = self.poll(now_ns)
            if frames is None:
                return 0
            if not frames:
                return -1
            self.reads += 1
            if begin_ns:
                observe_ns(RECEIVE, sy_meter_clock() - begin_ns)
        if len(frames) > 1 and type(frames) is list:
            frames = self.first_frames(frames)
        self.received_ns = now_ns
        self.rest = pipeline.process(frames, self.port.receive_ns, self.received_ns, self.sequence)
        self.has_gap = pipeline.gaps != gaps
        return len(frames)

    cdef list first_frames(self, list frames):
        """Return the frames of this step, at least one; keep the others for the next step."""
        cdef Py_ssize_t place, size = 0
        for place in range(len(frames) - 1):
            size += len(<bytes>frames[place])
            if size >= STEP_BYTES:
                self.pending = frames[place + 1:]
                return frames[:place + 1]
        return frames


cdef class LineReader:
    """Reads the lines of a feed, each into its pipeline, while no line needs other work."""

    def __init__(self):
        """Begin without lines."""
        self.lines = []

    def set_lines(self, list lines):
        """Read these from now on: pairs of a line and its pipeline."""
        self.lines = lines

    def read(self, object now_ns):
        """Read the lines in order; return how many frames arrived. Stop at a line that needs the feed's attention."""
        cdef Py_ssize_t count, work = 0
        cdef Line line
        cdef tuple pair
        self.needs_attention = False
        for pair in self.lines:
            line = <Line>pair[0]
            count = line.read(<Pipeline>pair[1], now_ns)
            if count > 0:
                work += count
                self.needs_attention = line.has_gap or line.rest is not None
            else:
                self.needs_attention = count < 0
            if self.needs_attention:
                break
        return work
