"""The compiled face of a queue of frames."""

from cython cimport final
from libc.stdint cimport int64_t


@final
cdef class FrameQueue:
    cdef list rows  # (frame, receive_ns)
    cdef int limit
    cdef int64_t size

    cdef bint has_room_for(self, bytes frame) noexcept
    cdef int add(self, bytes frame, int64_t receive_ns) except -1
    cdef list remove_all(self)
