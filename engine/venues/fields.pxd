"""Objects of JSON by the names of their fields: what the scanners of venues with long, plain keys share.

A scanner lists the words of its keys once. Reading an object notes the places of the values of one range of keys, skips
every other key, and refuses an object that has one of the range twice. The order of keys does not matter.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp, memset, strlen

from engine.venues.scan cimport (
    NUMBER, TEXT, Span, blank, next_item, read_fixed, read_integer, read_key, read_span, skip_value
)


cdef struct Word:
    const char *text
    Py_ssize_t length


cdef inline Word word(const char *text) noexcept nogil:
    """A key with its length."""
    cdef Word made
    made.text = text
    made.length = strlen(text)
    return made


cdef inline int field_of(const Word *words, const char *key, Py_ssize_t length, int first, int after) noexcept nogil:
    """Which of a range of fields a key names; -1 for every other key."""
    cdef int field
    for field in range(first, after):
        if words[field].length != length or words[field].text[0] != key[0]:
            continue
        if memcmp(words[field].text, key, length) == 0:
            return field
    return -1


cdef inline const char *read_fields(
    const char *at, Span *fields, const Word *words, int first, int after
) noexcept nogil:
    """Note the fields of an object that lie in a range; the place after the object."""
    cdef const char *key
    cdef Py_ssize_t length
    cdef int field
    cdef bint done = False
    memset(fields + first, 0, (after - first) * sizeof(Span))
    if at[0] != c'{':
        return NULL
    at = blank(at + 1)
    if at[0] == c'}':
        return at + 1
    while not done:
        at = read_key(at, &key, &length)
        if at == NULL:
            return NULL
        field = field_of(words, key, length, first, after)
        at = skip_value(at) if field < 0 else read_span(at, &fields[field])
        if at == NULL:
            return NULL
        at = next_item(at, c'}', &done)
        if at == NULL:
            return NULL
    return at


cdef inline bint fixed_of(const Span *span, int kind, int decimals, int64_t *value) noexcept nogil:
    """Read a noted value as fixed point: TEXT where the venue writes quotes, NUMBER where it does not."""
    return span.kind == kind and read_fixed(span.start, decimals, value) == span.start + span.length


cdef inline bint integer_of(const Span *span, int kind, int64_t *value) noexcept nogil:
    """Read a noted value as an integer."""
    return span.kind == kind and read_integer(span.start, value) == span.start + span.length
