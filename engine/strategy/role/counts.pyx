# cython: language_level=3
"""The counters of one life of a strategy role. Each event is counted where it happens."""


cdef class Counts:
    """One life's, from nothing."""
