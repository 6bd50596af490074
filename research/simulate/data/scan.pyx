# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The rules of an array of events, in one pass: `events.check` says what is wrong with the row that this finds."""

from libc.stdint cimport int32_t, int64_t

from engine.model.words cimport TICK_LEVEL, TICK_PRINT, TICK_STATE
from research.simulate.data.event cimport Event

from engine.model.words import BookState

cdef int64_t MOST = 1 << 61
cdef int64_t STATE_MOST = max(BookState)


cdef inline bint is_wrong(const Event *event) noexcept nogil:
    """Whether an event has a word or a number that no event has."""
    if event.flags >= 16 or event.size < 0 or event.size > MOST:
        return True
    if event.kind == TICK_STATE:
        return event.size > STATE_MOST
    return (
        (event.kind != TICK_LEVEL and (event.kind != TICK_PRINT or event.size == 0))
        or (event.side != 1 and event.side != -1) or event.price <= 0 or event.price > MOST
    )


def first_wrong(const unsigned char[::1] data, const int32_t[::1] places):
    """The first row that breaks a rule; -1 without one. `places` is -1 for an instrument that the run does not have."""
    cdef const Event *events = <const Event *>&data[0]
    cdef Py_ssize_t count = data.shape[0] // sizeof(Event), row
    cdef int64_t venue_ns = 1, receive_ns = 1
    for row in range(count):
        if (
            events[row].venue_ns < venue_ns or events[row].receive_ns < receive_ns
            or events[row].receive_ns < events[row].venue_ns or is_wrong(&events[row])
            or events[row].instrument >= places.shape[0] or places[events[row].instrument] < 0
        ):
            return row
        venue_ns, receive_ns = events[row].venue_ns, events[row].receive_ns
    return -1
