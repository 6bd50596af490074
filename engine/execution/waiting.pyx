# cython: language_level=3
"""Whether anything waits on some lanes, asked in one call: most of a spinning process's rounds find nothing."""

from shm.protocol cimport reader_of, sy_beyond, sy_reader

cdef enum:
    LANES = 64


cdef class Waiting:
    """Looks at the cursors of lanes in shared memory; any other lane always has to be asked itself."""

    cdef sy_reader *rings[LANES]
    cdef int count
    cdef bint blind
    cdef tuple readers  # kept beside their C sides

    def __init__(self, readers):
        """Look at these readers' lanes, wherever the readers stand."""
        cdef sy_reader *ring
        self.readers, self.count = tuple(readers), 0
        self.blind = len(self.readers) > LANES
        for reader in self.readers[:LANES]:
            ring = reader_of(reader)
            self.rings[self.count] = ring
            self.count += 1
            self.blind = self.blind or ring == NULL

    def any(self):
        """Whether there may be something to read."""
        cdef int index
        if self.blind:
            return True
        for index in range(self.count):
            if sy_beyond(self.rings[index]):
                return True
        return False
