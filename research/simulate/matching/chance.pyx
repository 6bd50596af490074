# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An event that happens with a probability, drawn from a seed: two runs of one seed are equal."""

from libc.stdint cimport uint64_t

from research.simulate.matching.delay cimport draw


cdef class Chance:
    """One source of draws."""

    def __init__(self, threshold, seed=0):
        """`threshold` is the probability in parts of 2^32."""
        self.threshold, self.state = threshold, <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF)

    cdef bint happens(self) noexcept nogil:
        """Whether it happens this time."""
        return draw(&self.state) < self.threshold
