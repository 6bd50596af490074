"""The letters of JSON for compiled scanners: strict, exact, and on bytes that end in a NUL.

Every reader here gets the place to read from and returns the place after what it read, or NULL for anything that is
not exactly what it expects. A Python `bytes` ends in a NUL, which no reader accepts, so none can run past the end; a
reader `within` gets the end, because it reads eight letters at once (on little-endian machines).

Numbers become int64 fixed point at a given count of decimals; a digit that would be lost, or a number that does not
fit, is a NULL as well. A string with a backslash is skipped where its text does not matter, and refused where it does:
no venue writes a symbol, a number or a key with one, and an escaped text cannot be compared.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static const int64_t SY_POWER[19] = {
        1LL, 10LL, 100LL, 1000LL, 10000LL, 100000LL, 1000000LL, 10000000LL, 100000000LL, 1000000000LL, 10000000000LL,
        100000000000LL, 1000000000000LL, 10000000000000LL, 100000000000000LL, 1000000000000000LL,
        10000000000000000LL, 100000000000000000LL, 1000000000000000000LL};
    """
    const int64_t SY_POWER[19]
    bint multiply_overflows "__builtin_mul_overflow"(int64_t, int64_t, int64_t *) nogil
    bint add_overflows "__builtin_add_overflow"(int64_t, int64_t, int64_t *) nogil
    bint likely "__builtin_expect"(bint, long) nogil
    int count_zeros "__builtin_ctzll"(unsigned long long) nogil

cdef enum:
    MAX_DECIMALS = 18
    MAX_NESTING = 32
    FAST_ROOM = 24  # 7 digits, the point, 8 digits and the letter after them, read eight letters at a time


cdef inline const char *blank(const char *at) noexcept nogil:
    """Skip white space."""
    while <uint8_t>at[0] <= c' ' and (at[0] == c' ' or at[0] == c'\n' or at[0] == c'\r' or at[0] == c'\t'):
        at += 1
    return at


cdef inline bint is_digit(char letter) noexcept nogil:
    """Whether it is one of 0-9."""
    return <uint8_t>(letter - c'0') < 10


cdef inline bint is_hexadecimal(char letter) noexcept nogil:
    """Whether it is one of 0-9, a-f, A-F."""
    return is_digit(letter) or <uint8_t>((letter | 0x20) - c'a') < 6


cdef inline const char *continuation(const char *at, int count) noexcept nogil:
    """Pass `count` continuation bytes of UTF-8."""
    while count > 0:
        if (<uint8_t>at[0] & 0xC0) != 0x80:
            return NULL
        at += 1
        count -= 1
    return at


cdef inline const char *wide_letter(const char *at) noexcept nogil:
    """Pass one letter outside ASCII: no overlong form, no surrogate, nothing beyond U+10FFFF."""
    cdef uint8_t first = <uint8_t>at[0]
    cdef uint8_t second = <uint8_t>at[1]
    if 0xC2 <= first <= 0xDF:
        return continuation(at + 1, 1)
    if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
        return NULL
    if 0xE0 <= first <= 0xEF:
        return continuation(at + 1, 2)
    if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
        return NULL
    return continuation(at + 1, 3) if 0xF0 <= first <= 0xF4 else NULL


cdef inline const char *text_end(const char *at) noexcept nogil:
    """From after an opening quote to the closing one; no escapes."""
    cdef uint8_t letter
    while True:
        letter = <uint8_t>at[0]
        if letter == c'"':
            return at
        if letter < 0x20 or letter == c'\\':
            return NULL
        if letter < 0x80:
            at += 1
        else:
            at = wide_letter(at)
            if at == NULL:
                return NULL


cdef inline const char *escape_end(const char *at) noexcept nogil:
    """From after a backslash to after the escaped character."""
    cdef int i
    if at[0] == c'u':
        for i in range(1, 5):
            if not is_hexadecimal(at[i]):
                return NULL
        return at + 5
    return at + 1 if at[0] in (c'"', c'\\', c'/', c'b', c'f', c'n', c'r', c't') else NULL


cdef inline const char *any_text_end(const char *at) noexcept nogil:
    """From after an opening quote to the closing one, escapes among the letters."""
    cdef uint8_t letter
    while True:
        letter = <uint8_t>at[0]
        if letter == c'"':
            return at
        if letter < 0x20:
            return NULL
        if letter == c'\\':
            at = escape_end(at + 1)
        else:
            at = at + 1 if letter < 0x80 else wide_letter(at)
        if at == NULL:
            return NULL


cdef inline const char *skip_number(const char *at) noexcept nogil:
    """Pass any JSON number."""
    if at[0] == c'-':
        at += 1
    if not is_digit(at[0]) or (at[0] == c'0' and is_digit(at[1])):
        return NULL
    while is_digit(at[0]):
        at += 1
    if at[0] == c'.':
        at += 1
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            at += 1
    if at[0] == c'e' or at[0] == c'E':
        at += 1
        if at[0] == c'+' or at[0] == c'-':
            at += 1
        if not is_digit(at[0]):
            return NULL
        while is_digit(at[0]):
            at += 1
    return at


cdef inline const char *skip_word(const char *at, const char *word) noexcept nogil:
    """Pass exactly this word."""
    while word[0] != 0:
        if at[0] != word[0]:
            return NULL
        at += 1
        word += 1
    return at


cdef inline const char *skip_simple(const char *at) noexcept nogil:
    """Pass a string, a number or a word."""
    if at[0] == c'"':
        at = any_text_end(at + 1)
        if at != NULL:
            at += 1
        return at
    if at[0] == c't':
        return skip_word(at, b"true")
    if at[0] == c'f':
        return skip_word(at, b"false")
    if at[0] == c'n':
        return skip_word(at, b"null")
    return skip_number(at)


cdef inline const char *skip_key(const char *at) noexcept nogil:
    """Skip `"key" :` and the white space after it."""
    if at[0] != c'"':
        return NULL
    at = any_text_end(at + 1)
    if at == NULL:
        return NULL
    at = blank(at + 1)
    return blank(at + 1) if at[0] == c':' else NULL


cdef inline const char *skip_value(const char *at) noexcept nogil:
    """Pass any JSON value, nested at most MAX_NESTING deep, without recursion."""
    cdef char closing[MAX_NESTING]
    cdef int depth = 0
    while True:
        if at[0] == c'{' or at[0] == c'[':
            if depth == MAX_NESTING:
                return NULL
            closing[depth] = c'}' if at[0] == c'{' else c']'
            at = blank(at + 1)
            if at[0] != closing[depth]:
                depth += 1
                if closing[depth - 1] == c'}':
                    at = skip_key(at)
                    if at == NULL:
                        return NULL
                continue
            at += 1
        else:
            at = skip_simple(at)
            if at == NULL:
                return NULL
        while True:
            if depth == 0:
                return at
            at = blank(at)
            if at[0] == closing[depth - 1]:
                depth -= 1
                at += 1
                continue
            if at[0] != c',':
                return NULL
            at = blank(at + 1)
            if closing[depth - 1] == c'}':
                at = skip_key(at)
                if at == NULL:
                    return NULL
            break


cdef inline const char *read_integer(const char *at, int64_t *value) noexcept nogil:
    """Read a JSON integer from 0 to 2^63-1 that is not the beginning of a longer number."""
    cdef int64_t number = 0
    cdef int count = 0
    if not is_digit(at[0]) or (at[0] == c'0' and is_digit(at[1])):
        return NULL
    while is_digit(at[0]):
        count += 1
        if likely(count <= 18, 1):
            number = number * 10 + (at[0] - c'0')
        elif multiply_overflows(number, 10, &number) or add_overflows(number, at[0] - c'0', &number):
            return NULL
        at += 1
    if at[0] == c'.' or at[0] == c'e' or at[0] == c'E':
        return NULL
    value[0] = number
    return at


cdef inline const char *read_fixed(const char *at, int decimals, int64_t *value) noexcept nogil:
    """Read plain decimal digits (no sign, no exponent) as fixed point; digits beyond `decimals` must be zeros."""
    cdef int64_t number = 0
    cdef int count = 0, places = 0
    if not is_digit(at[0]) or (at[0] == c'0' and is_digit(at[1])):
        return NULL
    while is_digit(at[0]):
        count += 1
        if likely(count <= 18, 1):
            number = number * 10 + (at[0] - c'0')
        elif multiply_overflows(number, 10, &number) or add_overflows(number, at[0] - c'0', &number):
            return NULL
        at += 1
    if at[0] == c'.':
        at += 1
        if not is_digit(at[0]):
            return NULL
        while places < decimals and is_digit(at[0]):
            count += 1
            places += 1
            if likely(count <= 18, 1):
                number = number * 10 + (at[0] - c'0')
            elif multiply_overflows(number, 10, &number) or add_overflows(number, at[0] - c'0', &number):
                return NULL
            at += 1
        while at[0] == c'0':
            at += 1
        if is_digit(at[0]):
            return NULL
    if places < decimals:
        if likely(count + decimals - places <= 18, 1):
            number *= SY_POWER[decimals - places]
        elif multiply_overflows(number, SY_POWER[decimals - places], &number):
            return NULL
    value[0] = number
    return at


cdef inline uint64_t eight_letters(const char *at) noexcept nogil:
    """Eight letters, the first one lowest, each less a zero's: a digit becomes 0 to 9."""
    cdef uint64_t letters
    memcpy(&letters, at, sizeof(letters))
    return letters ^ 0x3030303030303030ULL


cdef inline int digit_count(uint64_t letters) noexcept nogil:
    """How many of eight letters are digits, before the first letter that is not a digit."""
    cdef uint64_t others = ((letters + 0x7676767676767676ULL) | letters) & 0x8080808080808080ULL
    return count_zeros(others) >> 3 if others else 8


cdef inline int64_t value_of(uint64_t letters, int count) noexcept nogil:
    """The number that the first 1 to 8 letters make: pairs, then fours, then all eight in one product each."""
    letters <<= 64 - 8 * count
    letters = letters * 10 + (letters >> 8)
    return <int64_t>(((letters & 0x000000FF000000FFULL) * 0x000F424000000064ULL
                      + ((letters >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >> 32)


cdef inline const char *read_fixed_within(
    const char *at, const char *end, int decimals, int64_t *value
) noexcept nogil:
    """Read as `read_fixed` does, eight digits at a time where eight letters lie before `end`.

    Up to 7 digits before the point and 8 after it, together at most 18: a longer number is read by the slower function,
    with the same result.
    """
    cdef uint64_t letters
    cdef int whole, places, used
    cdef int64_t number
    cdef const char *fraction
    if end - at < FAST_ROOM:
        return read_fixed(at, decimals, value)
    letters = eight_letters(at)
    whole = digit_count(letters)
    if whole == 0 or (whole > 1 and at[0] == c'0'):
        return NULL
    if whole == 8 or whole + decimals > MAX_DECIMALS:
        return read_fixed(at, decimals, value)
    number = value_of(letters, whole) * SY_POWER[decimals]
    fraction = at + whole
    if fraction[0] != c'.':
        value[0] = number
        return fraction
    fraction += 1
    letters = eight_letters(fraction)
    places = digit_count(letters)
    if places == 8:
        if is_digit(fraction[8]):
            return read_fixed(at, decimals, value)
    elif places == 0:
        return NULL
    else:
        letters &= (1ULL << (8 * places)) - 1
    used = places
    if places > decimals:
        if letters >> (8 * decimals):
            return NULL
        used = decimals
    if used:
        number += value_of(letters, used) * SY_POWER[decimals - used]
    value[0] = number
    return fraction + places


cdef inline const char *read_quoted(const char *at, int decimals, int64_t *value) noexcept nogil:
    """Read fixed point inside quotes."""
    if at[0] != c'"':
        return NULL
    at = read_fixed(at + 1, decimals, value)
    return at + 1 if at != NULL and at[0] == c'"' else NULL


cdef inline const char *read_quoted_within(
    const char *at, const char *end, int decimals, int64_t *value
) noexcept nogil:
    """Read fixed point inside quotes, eight digits at a time."""
    if at[0] != c'"':
        return NULL
    at = read_fixed_within(at + 1, end, decimals, value)
    return at + 1 if at != NULL and at[0] == c'"' else NULL


cdef inline int fraction_width(const char *at) noexcept nogil:
    """How many decimals the number at this place is written with."""
    cdef int width = 0
    while is_digit(at[0]):
        at += 1
    if at[0] == c'.':
        while is_digit(at[1]):
            at += 1
            width += 1
    return width


cdef struct Span:
    const char *start  # of the value: after the quote of a string, at the bracket of an array
    Py_ssize_t length
    int kind


cdef enum SpanKind:
    NOTHING = 0
    TEXT = 1
    LIST = 2
    NUMBER = 3
    OTHER_VALUE = 4


cdef inline const char *read_key(const char *at, const char **key, Py_ssize_t *length) noexcept nogil:
    """Read `"key":`; the place of its value."""
    if at[0] != c'"':
        return NULL
    key[0] = at + 1
    at = text_end(at + 1)
    if at == NULL:
        return NULL
    length[0] = at - key[0]
    at = blank(at + 1)
    return blank(at + 1) if at[0] == c':' else NULL


cdef inline const char *read_span(const char *at, Span *span) noexcept nogil:
    """Note a value and pass it; one noted before refuses: its key was named twice. So does a text with escapes."""
    cdef const char *end
    if span.kind != NOTHING:
        return NULL
    if at[0] == c'"':
        end = text_end(at + 1)
        span.start = at + 1
        span.length = end - span.start
        span.kind = TEXT
        if end != NULL:
            end += 1
        return end
    end = skip_value(at)
    span.start = at
    span.length = end - at
    span.kind = LIST if at[0] == c'[' else NUMBER if is_digit(at[0]) else OTHER_VALUE
    return end


cdef inline const char *next_item(const char *at, char closing, bint *done) noexcept nogil:
    """From after an item to the next one, or after the closing bracket."""
    at = blank(at)
    if at[0] == closing:
        done[0] = True
        return at + 1
    return blank(at + 1) if at[0] == c',' else NULL


cdef inline bint is_text(const Span *span, const char *word, Py_ssize_t length) noexcept nogil:
    """Whether a noted string is this word."""
    cdef Py_ssize_t i
    if span.kind != TEXT or span.length != length:
        return False
    for i in range(length):
        if span.start[i] != word[i]:
            return False
    return True


cdef inline bint two_digits(const char *at, int least, int most, int64_t *value) noexcept nogil:
    """Read two digits within bounds."""
    if not (is_digit(at[0]) and is_digit(at[1])):
        return False
    value[0] = (at[0] - c'0') * 10 + (at[1] - c'0')
    return least <= value[0] <= most


cdef inline int64_t days_before(int64_t year, int64_t month, int64_t day) noexcept nogil:
    """Days from 1970-01-01 in the Gregorian calendar, the year beginning in March."""
    cdef int64_t era, of_era, of_year
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef inline bint read_clock(const Span *span, int64_t *value) noexcept nogil:
    """Read `2026-08-09T21:05:48.228568804Z`, with 0 to 9 digits of a second, as nanoseconds."""
    cdef const char *at = span.start
    cdef int64_t century, year, month, day, hour, minute, second, fraction = 0
    cdef Py_ssize_t i
    if span.kind != TEXT or span.length < 20 or span.length > 30:
        return False
    if not (two_digits(at, 19, 21, &century) and two_digits(at + 2, 0, 99, &year) and two_digits(at + 5, 1, 12, &month)
            and two_digits(at + 8, 1, 31, &day) and two_digits(at + 11, 0, 23, &hour)
            and two_digits(at + 14, 0, 59, &minute) and two_digits(at + 17, 0, 60, &second)):
        return False
    if not (at[4] == c'-' and at[7] == c'-' and at[10] == c'T' and at[13] == c':' and at[16] == c':'
            and at[span.length - 1] == c'Z' and (span.length == 20 or (at[19] == c'.' and span.length > 21))):
        return False
    for i in range(20, span.length - 1):
        if not is_digit(at[i]):
            return False
        fraction += (at[i] - c'0') * SY_POWER[28 - i]
    second += days_before(century * 100 + year, month, day) * 86400 + hour * 3600 + minute * 60
    value[0] = second * 1_000_000_000 + fraction
    return True
