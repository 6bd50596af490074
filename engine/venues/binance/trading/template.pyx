# cython: language_level=3, boundscheck=False, wraparound=False
"""A request's bytes from a template: literal text with holes, filled in one call on an order's way out.

    {"id":$i,"method":"order.place","params":{"newClientOrderId":"$c", … "price":"$p","quantity":"$q", … "timestamp":$t
      $i request id   $c client id   $o the client id it replaces   $p price   $q size   $t time in milliseconds
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    NUMBER_MOST = 64  # digits, sign, point and leading zeros of any hole but an id
    DECIMALS_MOST = 40
    ID_MOST = 64

cdef const char *HEX = b"0123456789abcdef"


cdef class Template:
    """One kind of request for one instrument, side and time in force."""

    cdef bytes text
    cdef str holes
    cdef list ends
    cdef int price_decimals
    cdef int size_decimals
    cdef char *room
    cdef bytearray room_owner

    def __init__(self, str text not None, int price_decimals, int size_decimals):
        """Cut the text at its holes."""
        first, *rest = text.split("$")
        if not (0 <= price_decimals <= DECIMALS_MOST and 0 <= size_decimals <= DECIMALS_MOST):
            raise ValueError(f"decimals must be 0..{DECIMALS_MOST}, was {price_decimals}, {size_decimals}")
        self.holes = "".join(part[0] for part in rest)
        if set(self.holes) - set("icopqt"):
            raise ValueError(f"a hole is one of icopqt, was {self.holes!r}")
        parts = [first.encode(), *(part[1:].encode() for part in rest)]
        self.text = b"".join(parts)
        self.ends = [sum(map(len, parts[:index + 1])) for index in range(len(parts))]
        self.price_decimals, self.size_decimals = price_decimals, size_decimals
        self.room_owner = bytearray(len(self.text) + len(rest) * (NUMBER_MOST + 2 * ID_MOST))
        self.room = self.room_owner

    def fill(
        self, uint64_t request_id, bytes client_id not None, int64_t price, int64_t size, int64_t time_ms,
        bytes old_client_id not None=b""
    ):
        """The request."""
        cdef char *to = self.room
        cdef const char *text = PyBytes_AS_STRING(self.text)
        cdef Py_ssize_t begin = 0, end, index = 0
        cdef Py_UCS4 hole
        for hole in self.holes:
            end = self.ends[index]
            memcpy(to, text + begin, end - begin)
            to += end - begin
            begin = end
            index += 1
            if hole == u"c":
                to = write_hex(to, client_id)
            elif hole == u"o":
                to = write_hex(to, old_client_id)
            elif hole == u"i":
                to = write_fixed(to, request_id, False, 0)
            elif hole == u"t":
                to = write_signed(to, time_ms, 0)
            else:
                to = write_signed(to, price, self.price_decimals) if hole == u"p" else (
                    write_signed(to, size, self.size_decimals))
        end = PyBytes_GET_SIZE(self.text)
        memcpy(to, text + begin, end - begin)
        to += end - begin
        return PyBytes_FromStringAndSize(self.room, to - self.room)


cdef char *write_hex(char *to, bytes number) except NULL:
    """Two digits a byte."""
    cdef const uint8_t *source = <const uint8_t *>PyBytes_AS_STRING(number)
    cdef Py_ssize_t index, count = PyBytes_GET_SIZE(number)
    assert count <= ID_MOST, number
    for index in range(count):
        to[2 * index] = HEX[source[index] >> 4]
        to[2 * index + 1] = HEX[source[index] & 15]
    return to + 2 * count


cdef inline char *write_signed(char *to, int64_t number, int decimals) noexcept:
    """A number with its point, as `to_text` writes it."""
    return write_fixed(to, -<uint64_t>number if number < 0 else <uint64_t>number, number < 0, decimals)


cdef char *write_fixed(char *to, uint64_t number, bint negative, int decimals) noexcept:
    """Digits from the last to the first, `decimals` of them after the point and at least one before it."""
    cdef char digits[NUMBER_MOST]
    cdef int at = NUMBER_MOST, written = 0
    while number or written <= decimals:
        if decimals and written == decimals:
            at -= 1
            digits[at] = c"."
        at -= 1
        digits[at] = <char>(48 + number % 10)
        number //= 10
        written += 1
    if negative:
        at -= 1
        digits[at] = c"-"
    memcpy(to, &digits[at], NUMBER_MOST - at)
    return to + NUMBER_MOST - at
