"""recv(2) and send(2) on a non-blocking descriptor, with the outcome as a number.

A role that spins asks an empty socket a million times a second, and an exception each time would cost more than the
answer. So both calls give the bytes moved, or a negative errno.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport errno

cdef extern from "sys/socket.h" nogil:
    ssize_t c_recv "recv"(int descriptor, void *buffer, size_t length, int flags)
    ssize_t c_send "send"(int descriptor, const void *buffer, size_t length, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL


def receive(int descriptor, object buffer):
    """Read once into a writable buffer: the bytes read, 0 at the end of the stream, or minus errno."""
    cdef Py_buffer view
    cdef ssize_t count
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE | PyBUF_WRITABLE)
    count = c_recv(descriptor, view.buf, view.len, MSG_DONTWAIT)
    if count < 0:
        count = -errno
    PyBuffer_Release(&view)
    return count


def transmit(int descriptor, object block):
    """Write once from a buffer: the bytes the socket took, or minus errno."""
    cdef Py_buffer view
    cdef ssize_t count
    PyObject_GetBuffer(block, &view, PyBUF_SIMPLE)
    count = c_send(descriptor, view.buf, view.len, MSG_DONTWAIT | MSG_NOSIGNAL)
    if count < 0:
        count = -errno
    PyBuffer_Release(&view)
    return count
