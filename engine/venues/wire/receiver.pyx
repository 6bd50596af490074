# cython: language_level=3
"""The reading half of a connection, compiled: a role that spins asks an empty socket in nearly every round.

    Receiver        recv(2) into a buffer, and the moment at which it brought something
    SealedReceiver  the same, then every TLS record that has become whole

`receive_ns` is read from the clock right after recv(2): a message is older by the time it waited in the socket, which
is at most a round of the role.
"""

import errno
import os
import ssl

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from engine.venues.wire.frames cimport FrameReader
from libc.errno cimport EAGAIN, errno as last_errno
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from engine import clock

cdef extern from "sys/socket.h" nogil:
    ssize_t recv(int descriptor, void *buffer, size_t length, int flags)
    int MSG_DONTWAIT

cdef enum:
    LEAST_ROOM = 65536
    CIPHER_CAPACITY = 65536
    RECORD_LIMIT = 16384

assert -LOST == errno.EPROTO


cdef class Receiver:
    """Reads a connected, non-blocking socket; the code that opened the socket closes it."""

    def __init__(self, int descriptor):
        """Read from this descriptor."""
        self.descriptor, self.error = descriptor, ""
        self.offset_ns = clock.offset_ns()

    cdef Py_ssize_t receive(self, void *target, size_t room) noexcept nogil:
        """Read once: the bytes read, 0 at the end of the stream, or minus errno."""
        cdef timespec now
        cdef Py_ssize_t count = recv(self.descriptor, target, room, MSG_DONTWAIT)
        if count < 0:
            return -last_errno
        if count > 0:
            clock_gettime(CLOCK_MONOTONIC, &now)
            self.receive_ns = <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec + self.offset_ns
        return count

    def read(self, buffer):
        """Read once into a buffer."""
        cdef Py_buffer view
        cdef Py_ssize_t count
        PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE | PyBUF_WRITABLE)
        count = self.receive(view.buf, view.len)
        PyBuffer_Release(&view)
        if count < 0 and count != -EAGAIN:
            self.error = os.strerror(-count)
        return count

    cpdef Py_ssize_t fill(self, FrameReader reader) except? -1:
        """Read one large block into a frame reader."""
        cdef Py_ssize_t count
        reader.make_room(LEAST_ROOM)
        count = self.receive(reader.buffer + reader.end, reader.capacity - reader.end)
        if count > 0:
            reader.end += count
        elif count < 0 and count != -EAGAIN:
            self.error = os.strerror(-count)
        return count


cdef class SealedReceiver:
    """What a socket with TLS over it brings."""

    def __init__(self, Receiver plain, records, incoming, outgoing):
        """Read through `records`, whose memory BIOs are these."""
        self.plain, self.records, self.incoming, self.outgoing = plain, records, incoming, outgoing
        self.cipher = bytearray(CIPHER_CAPACITY)
        self.cipher_view = memoryview(self.cipher)
        self.error = ""

    @property
    def receive_ns(self):
        """When bytes were last read from the socket."""
        return self.plain.receive_ns

    @property
    def unsent(self):
        """How many bytes wait for the socket."""
        return self.plain.unsent

    def read(self, buffer):
        """Read one record into a buffer."""
        cdef Py_ssize_t count
        while not self.error and not self.ended:
            if self.incoming.pending:
                count = self.open_record(buffer)
                if count:
                    return count
            elif not self.bring():
                break
        return self.outcome()

    cpdef Py_ssize_t fill(self, FrameReader reader) except? -1:
        """Read one large block of cipher text and open all of it into a frame reader."""
        cdef size_t before
        if self.error or self.ended or not (self.incoming.pending or self.bring()):
            return self.outcome()
        before = reader.end - reader.start
        self.open_records(reader)
        self.push()
        return <Py_ssize_t>(reader.end - reader.start - before) or self.outcome()

    cpdef bint push(self) except -1:
        """Send the bytes that TLS has to send."""
        if not self.outgoing.pending:
            return not self.error
        if self.plain.write(self.outgoing.read()):
            return True
        self.error = self.error or self.plain.error
        return False

    @property
    def over(self):
        """Whether the other side has closed its sending half."""
        return self.ended

    cpdef bint bring(self) except -1:
        """Read cipher text from the socket; False without any, with the reason noted if the socket has ended."""
        cdef Py_ssize_t count = self.plain.receive(<char *>self.cipher, CIPHER_CAPACITY)
        if count > 0:
            self.incoming.write(self.cipher_view[:count])
            return True
        self.ended = self.ended or count == 0
        if count < 0 and count != -EAGAIN:
            self.error = self.error or os.strerror(-count)
        return False

    cdef int open_records(self, FrameReader reader) except -1:
        """Open what is whole; the end and faults are noted."""
        try:
            self.records.decrypt(reader)
        except ssl.SSLError as error:
            self.note(error)
        return 0

    cdef object open_record(self, object buffer):
        """Open one record into a buffer; 0 when none is complete, or when there will be no more."""
        try:
            count = self.records.engine.read(RECORD_LIMIT, buffer)
        except ssl.SSLError as error:
            self.note(error)
            return 0
        self.ended = count == 0
        return count

    cdef int note(self, object error) except -1:
        """Distinguish a need for more bytes, the end and a fault."""
        if isinstance(error, ssl.SSLZeroReturnError):
            self.ended = True
        elif not isinstance(error, ssl.SSLWantReadError):
            self.error = f"TLS: {error}"
        return 0

    cdef Py_ssize_t outcome(self) noexcept:
        """Why no bytes came."""
        if self.error:
            return LOST
        return 0 if self.ended else -EAGAIN
