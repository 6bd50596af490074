# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Frames that a book cannot apply yet, oldest first, bounded in number and bytes.

`add` drops the oldest frames when there is no room; `has_room_for` asks first, where none may be dropped.
"""

from libc.stdint cimport int64_t

cdef enum:
    BYTES_MAX = 8 << 20  # all frames are applied in one step


cdef class FrameQueue:
    """The frames and when each was received."""

    def __init__(self, int limit):
        """Begin empty; hold at most `limit` frames."""
        self.rows, self.limit = [], limit

    def __len__(self):
        return len(self.rows)

    cdef bint has_room_for(self, bytes frame) noexcept:
        """Whether a frame can be added without dropping another one."""
        return len(self.rows) < self.limit and self.size + len(frame) <= BYTES_MAX

    cdef int add(self, bytes frame, int64_t receive_ns) except -1:
        """Add a frame; drop the oldest ones beyond the limits."""
        self.size += len(frame)
        while self.rows and (len(self.rows) >= self.limit or self.size > BYTES_MAX):
            self.size -= len(<bytes>(<tuple>self.rows[0])[0])
            del self.rows[0]
        self.rows.append((frame, receive_ns))
        return 0

    cdef list remove_all(self):
        """Return the frames and leave the queue empty."""
        rows, self.rows, self.size = self.rows, [], 0
        return rows
