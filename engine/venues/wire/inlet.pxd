"""The compiled face of an open WebSocket."""

from engine.venues.wire.frames cimport FrameReader, FrameWriter
from engine.venues.wire.receiver cimport Receiver, SealedReceiver


cdef class Inlet:
    cdef FrameReader reader
    cdef FrameWriter writer
    cdef Receiver plain
    cdef SealedReceiver sealed
    cdef bint flowing
    cdef FrameReader practice
    cdef FrameWriter echo

    cdef Py_ssize_t fill(self) except? -1
    cdef bint push(self, bytes frame) except -1
