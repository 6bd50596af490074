"""128-bit numbers for compiled code: any product of two 64-bit numbers fits.

A record has such a number as two fields:     high, signed │ low, unsigned
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    typedef __int128 wide_t;
    """
    ctypedef long long wide_t  # Cython needs a name; the C compiler has the width


cdef inline int64_t high_of(wide_t value) noexcept nogil:
    """The upper half, with the sign."""
    return <int64_t>(value >> 64)


cdef inline uint64_t low_of(wide_t value) noexcept nogil:
    """The lower half."""
    return <uint64_t>value


cdef inline wide_t wide_of(int64_t high, uint64_t low) noexcept nogil:
    """The number of two halves."""
    return <wide_t>high << 64 | low


cdef inline object int_of(wide_t value):
    """The number as a Python int."""
    return (<object>high_of(value) << 64) | <object>low_of(value)
