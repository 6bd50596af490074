# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How long one message is on its way: a constant, a draw from samples, or what was recorded last before it.

A draw uses SplitMix64 from the seed, so a run has no other randomness and two runs of one seed are equal.
"""

from libc.stdint cimport int64_t, uint64_t


cdef class Delay:
    """One latency; every call of `at` is one message."""

    def __init__(self, constant_ns=0, samples=None, seed=0, from_ns=None, recorded=None):
        """The arrays are int64; `latency.py` has checked them."""
        self.constant_ns, self.state = constant_ns, <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF)
        self.samples, self.from_ns, self.recorded = samples, from_ns, recorded

    cdef int64_t at(self, int64_t now_ns) except -1:
        """The latency of a message that is sent at this time; the times of the calls do not decrease."""
        if self.samples is not None:
            return self.samples[<Py_ssize_t>(draw(&self.state) * <uint64_t>self.samples.shape[0] >> 32)]
        if self.recorded is None:
            return self.constant_ns
        while self.next < self.from_ns.shape[0] and self.from_ns[self.next] <= now_ns:
            self.next += 1
        if not self.next:
            raise ValueError(f"latency: nothing is recorded at {now_ns}, the first record is of {self.from_ns[0]}: "
                             "begin the data later, or record the latency from its beginning on")
        return self.recorded[self.next - 1]

    def draw(self, now_ns):
        """The next latency, for a caller in Python."""
        return self.at(now_ns)
