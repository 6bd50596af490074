"""Whether bytes are UTF-8 text, found without making an object of them."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef inline int sequence_length(uint8_t lead) noexcept nogil:
    """How many bytes a UTF-8 sequence with this first byte has; 0 when none begins so."""
    if lead < 0x80:
        return 1
    if 0xC2 <= lead <= 0xDF:
        return 2
    if 0xE0 <= lead <= 0xEF:
        return 3
    if 0xF0 <= lead <= 0xF4:
        return 4
    return 0


cdef inline bint second_byte_fits(uint8_t lead, uint8_t second) noexcept nogil:
    """No overlong form, no surrogate, nothing above U+10FFFF: all decided by the second byte."""
    if lead == 0xE0:
        return 0xA0 <= second <= 0xBF
    if lead == 0xED:
        return 0x80 <= second <= 0x9F
    if lead == 0xF0:
        return 0x90 <= second <= 0xBF
    if lead == 0xF4:
        return 0x80 <= second <= 0x8F
    return 0x80 <= second <= 0xBF


cdef inline bint is_utf8(const uint8_t *text, size_t length) noexcept nogil:
    """Whether these bytes are UTF-8; ASCII goes eight bytes a turn."""
    cdef size_t index = 0
    cdef uint64_t word
    cdef int count, follower
    while index < length:
        if index + 8 <= length:
            memcpy(&word, text + index, 8)
            if not word & <uint64_t>0x8080808080808080:
                index += 8
                continue
        count = sequence_length(text[index])
        if count == 0 or index + count > length:
            return False
        if count > 1 and not second_byte_fits(text[index], text[index + 1]):
            return False
        for follower in range(2, count):
            if text[index + follower] & 0xC0 != 0x80:
                return False
        index += count
    return True
