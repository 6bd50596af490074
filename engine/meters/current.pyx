# cython: language_level=3, boundscheck=False, wraparound=False
"""The meters of the role that runs now: one store for a counter, three for a histogram, without a lock or a call.

    meters = Meters(writer)      the words of a role's lane
    meters.select()              what is counted from now on is this role's; the loop does so before each step
    count_up(FRAMES, 1) · observe_ns(GATE, ns)

The parts of a role do not hold its meters: they count where they are, and the loop of the process says whose step it
is. Where no role is selected (tests, chaos, research) the same code counts into words that nothing reads. What is
counted is only read by lookers, so no decision depends on it.
"""

import os

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint64_t

from engine import clock
from engine.meters.buckets import BUCKETS
from engine.meters.table import WORDS

cdef enum:
    WORDS_MOST = 1 << 15

cdef extern from "Python.h":
    int64_t PyLong_AsLongLongAndOverflow(object, int *) except? -1

cdef uint64_t[WORDS_MOST] UNREAD
cdef int64_t LONGEST_NS = 1 << 52  # 52 days

CLOCK_OFFSET = clock.offset_ns()

assert BUCKETS == SY_BUCKETS
assert WORDS <= WORDS_MOST, WORDS
words = UNREAD


cdef class Meters:
    """The words of one role."""

    cdef object writer
    cdef uint64_t *own

    def __cinit__(self):
        self.own = UNREAD

    def __init__(self, writer not None):
        """Count into this `shm.WordWriter`."""
        if writer.count != WORDS:
            raise ValueError(f"{writer.path}: {writer.count} words, expected {WORDS}")
        self.writer = writer
        self.own = <uint64_t *>PyCapsule_GetPointer(writer.capsule, "steelyard.words")

    def __dealloc__(self):
        global words
        if words == self.own:  # the words are freed with this object
            words = UNREAD

    def select(self):
        """Make this role's words the ones that are counted into."""
        global words
        words = self.own

    def store(self, Py_ssize_t place, uint64_t value):
        """Store a gauge, or a counter that is kept elsewhere."""
        if not 0 <= place < WORDS_MOST:
            raise IndexError(place)
        self.own[place] = value

    def load(self, Py_ssize_t place):
        """The value of a word."""
        if not 0 <= place < WORDS_MOST:
            raise IndexError(place)
        return self.own[place]

    def close(self):
        """Stop counting and give up the lane."""
        global words
        if words == self.own:
            words = UNREAD
        self.own = UNREAD
        self.writer.close()


def add(Py_ssize_t place, uint64_t by=1):
    """Add to a counter of the role that runs."""
    if not 0 <= place < WORDS_MOST:
        raise IndexError(place)
    count_up(place, by)


def observe(Py_ssize_t place, duration_ns):
    """Record a duration in a histogram of the role that runs; one that no machine can measure counts as 0."""
    cdef int too_wide = 0
    cdef int64_t found = PyLong_AsLongLongAndOverflow(duration_ns, &too_wide)
    if not 0 <= place < WORDS_MOST - SY_BUCKETS - 2:
        raise IndexError(place)
    observe_ns(place, 0 if too_wide or found > LONGEST_NS else found)


def observe_since(Py_ssize_t place, int64_t since_ns):
    """Record the time since a time of the engine's clock, if there is one, in a histogram of the role that runs."""
    if not 0 <= place < WORDS_MOST - SY_BUCKETS - 2:
        raise IndexError(place)
    cdef int64_t now_ns = sy_meter_clock() + CLOCK_OFFSET
    if 0 < since_ns <= now_ns:
        observe_ns(place, now_ns - since_ns)


def bucket(int64_t duration_ns):
    """The bucket of a duration, as the hot path computes it."""
    return sy_bucket_of(duration_ns)


def time_updates(Py_ssize_t counter, Py_ssize_t histogram, Py_ssize_t rounds):
    """Nanoseconds of `rounds` updates of a counter, and of a histogram with changing durations, from compiled code."""
    cdef Py_ssize_t _
    cdef int64_t begin, middle
    cdef uint64_t drawn = 1
    begin = sy_meter_clock()
    for _ in range(rounds):
        count_up(counter, 1)
    middle = sy_meter_clock()
    for _ in range(rounds):
        drawn = drawn * 48271 % 0x7FFFFFFF
        observe_ns(histogram, drawn & 0xFFFFFF)
    return middle - begin, sy_meter_clock() - middle


def unselect():
    """Count into words that nothing reads: what runs now is a rehearsal, or no role."""
    global words
    words = UNREAD


os.register_at_fork(after_in_child=unselect)  # the child has a hole in place of its parent's lanes
