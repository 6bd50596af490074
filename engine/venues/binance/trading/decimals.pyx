# cython: language_level=3, boundscheck=False, wraparound=False
"""The decimal numbers and the client ids of answers and reports: a dozen of them in the messages about one order."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from engine.model.records cimport CLIENT_ID
from libc.stdint cimport int64_t, uint8_t

cdef enum:
    DIGITS_MOST = 18  # so many fit 64 bits
    FRACTION_MOST = 40  # after the point, as in `reader.DECIMAL`


def read_plain(str text not None, int decimals):
    """A number such as "-60000.50000000" at these decimals; None for any other text, which `reader.fixed` judges."""
    return plain(text, decimals)


def read_amount(str text not None, int decimals, otherwise):
    """A number that is not below zero, as `read_plain` reads it; of any other text what `otherwise` makes of it."""
    number = plain(text, decimals)
    return otherwise(text, decimals) if number is None or <int64_t>number < 0 else number


cdef plain(str text, int decimals):
    """A number, or None."""
    cdef Py_ssize_t at = 0, end = len(text), point = -1
    cdef int64_t number = 0
    cdef int digits = 0, after = 0
    cdef bint negative
    cdef Py_UCS4 one
    negative = end > 0 and text[0] == u"-"
    for at in range(negative, end):
        one = text[at]
        if one == u"." and point < 0 and digits:
            point = at
            continue
        if not u"0" <= one <= u"9":
            return None
        if point >= 0:
            after += 1
            if after > decimals:
                if one != u"0" or after > FRACTION_MOST:
                    return None
                continue
        digits += 1
        if digits > DIGITS_MOST:
            return None
        number = 10 * number + (<int>one - 48)
    if not digits or point == end - 1 or digits + decimals - after > DIGITS_MOST:
        return None
    while after < decimals:
        number *= 10
        after += 1
    return -number if negative else number


def read_client_id(str text not None):
    """The bytes of an id in our form, 32 small hexadecimal digits; None for any other text."""
    cdef bytes made
    cdef uint8_t *to
    cdef int index, high, low
    if len(text) != 2 * CLIENT_ID:
        return None
    made = PyBytes_FromStringAndSize(NULL, CLIENT_ID)
    to = <uint8_t *>PyBytes_AS_STRING(made)
    for index in range(CLIENT_ID):
        high, low = digit_of(text[2 * index]), digit_of(text[2 * index + 1])
        if high < 0 or low < 0:
            return None
        to[index] = <uint8_t>(high << 4 | low)
    return made


cdef inline int digit_of(Py_UCS4 one) noexcept:
    """The value of a hexadecimal digit; -1 for any other character."""
    if u"0" <= one <= u"9":
        return <int>one - 48
    return <int>one - 87 if u"a" <= one <= u"f" else -1
