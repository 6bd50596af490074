"""send(2) on a non-blocking descriptor, with the outcome as a number: the bytes moved, or a negative errno."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport errno

cdef extern from "sys/socket.h" nogil:
    ssize_t c_send "send"(int descriptor, const void *buffer, size_t length, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL


def transmit(int descriptor, object block):
    """Write once from a buffer: the number of bytes that the socket accepted, or minus errno."""
    cdef Py_buffer view
    cdef ssize_t count
    PyObject_GetBuffer(block, &view, PyBUF_SIMPLE)
    count = c_send(descriptor, view.buf, view.len, MSG_DONTWAIT | MSG_NOSIGNAL)
    if count < 0:
        count = -errno
    PyBuffer_Release(&view)
    return count
