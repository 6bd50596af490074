# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What a feed does in nearly every step: look at its connections, and hand what they bring to the pipelines.

    Intake.take ─▶ each Line: port.look ─▶ None: nothing came, nothing changed
                                       ├─▶ frames ─▶ pipeline
                                       └─▶ no frames, and yet something: the feed looks after everything

A look brings as much as lay in the socket. What one step takes of it is bounded by its bytes, and so by its levels and
orders: the rest waits in `pending`, and the process beats and steps its other roles in between. A message is not cut.

A line notes what it must not do itself: frames that are no market data (`rest`) and a gap in what was brought
(`has_gap`). Ports that cannot tell a quiet look from an eventful one are polled, and looked after whenever they are.
"""

from engine.feed.books.connection_sequence cimport ConnectionSequence
from engine.feed.books.pipeline cimport Pipeline
from libc.stdint cimport int64_t

cdef enum:
    STEP_BYTES = 1 << 18  # some 25 000 levels; one block of a socket that is read in time is a quarter of it


cdef class Line:
    """The hot half of a connection."""

    def __init__(self, port, int64_t now_ns):
        """Read this port, begun at this time."""
        self.port, self.heard_ns, self.sequence = port, now_ns, ConnectionSequence()
        self.tells = port.reports_quiet
        self.look = port.look if self.tells else port.poll

    cpdef Py_ssize_t take(self, Pipeline pipeline, object now_ns) except -2:
        """Hand what came to the pipeline: how many frames; -1 when none came, but all may not be as it was."""
        cdef int64_t gaps = pipeline.gaps
        frames = self.pending
        if frames is None:
            frames = self.look(now_ns)
            if frames is None:
                return 0
            if not frames:
                return -1
        if len(frames) > 1 and type(frames) is list:
            frames = self.share(frames)
        self.heard_ns = now_ns
        self.rest = pipeline.process(frames, self.port.receive_ns, self.heard_ns, self.sequence)
        self.has_gap = pipeline.gaps != gaps
        return len(frames)

    cdef list share(self, list frames):
        """The frames of this step, one at least; the others wait for the next."""
        cdef Py_ssize_t place, size = 0
        self.pending = None
        for place in range(len(frames) - 1):
            size += len(<bytes>frames[place])
            if size >= STEP_BYTES:
                self.pending = frames[place + 1:]
                return frames[:place + 1]
        return frames


cdef class Intake:
    """The lines of a feed that need nothing but to be read, each with its pipeline."""

    def __init__(self):
        """None yet."""
        self.lines = []

    def follow(self, list lines):
        """Read these, pairs of a line and its pipeline."""
        self.lines = lines

    def take(self, object now_ns):
        """Look at the lines in order: how many frames came; `eventful`: the last one looked at wants to be seen to."""
        cdef Py_ssize_t count, work = 0
        cdef Line line
        cdef tuple pair
        self.eventful = False
        for pair in self.lines:
            line = <Line>pair[0]
            count = line.take(<Pipeline>pair[1], now_ns)
            if count > 0:
                work += count
                self.eventful = line.has_gap or line.rest is not None
            else:
                self.eventful = count < 0
            if self.eventful:
                break
        return work
