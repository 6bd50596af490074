# cython: language_level=3, boundscheck=False, wraparound=False
"""The decimal numbers of answers and reports: nine of them in the messages about one order."""

from libc.stdint cimport int64_t

cdef enum:
    DIGITS_MOST = 18  # so many fit 64 bits
    FRACTION_MOST = 40  # after the point, as in `reader.DECIMAL`


def read_plain(str text not None, int decimals):
    """A number such as "-60000.50000000" at these decimals; None for any other text, which `reader.fixed` judges."""
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
