# cython: language_level=3
"""What a looker-on may want to know of a role's life. Each figure is counted where it happens."""


cdef class Counts:
    """One life's, from nothing."""
