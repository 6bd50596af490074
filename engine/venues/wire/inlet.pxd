"""The compiled face of an open WebSocket's reading half."""

from engine.venues.wire.frames cimport FrameReader
from engine.venues.wire.receiver cimport Receiver, SealedReceiver


cdef class Inlet:
    cdef FrameReader reader
    cdef Receiver plain
    cdef SealedReceiver sealed
    cdef bint flowing
    cdef FrameReader practice
    cdef object encode

    cdef Py_ssize_t fill(self) except? -1
