"""The compiled face of the reading half of a connection."""

from engine.venues.wire.frames cimport FrameReader
from libc.stdint cimport int64_t

cdef enum:
    LOST = -71  # -EPROTO

cdef class Receiver:
    cdef int descriptor
    cdef int64_t offset_ns
    cdef public int64_t receive_ns
    cdef public Py_ssize_t unsent
    cdef public str error

    cdef Py_ssize_t receive(self, void *target, size_t room) noexcept nogil
    cpdef Py_ssize_t fill(self, FrameReader reader) except? -1

cdef class SealedReceiver:
    cdef readonly Receiver plain
    cdef object incoming
    cdef object outgoing
    cdef object records
    cdef bytearray cipher
    cdef object cipher_view
    cdef bint ended
    cdef public str error

    cpdef bint bring(self) except -1
    cpdef bint push(self) except -1
    cdef object open_record(self, object buffer)
    cdef int note(self, object error) except -1
    cdef int open_records(self, FrameReader reader) except -1
    cdef Py_ssize_t outcome(self) noexcept
    cpdef Py_ssize_t fill(self, FrameReader reader) except? -1
