# cython: language_level=3
"""Whether the operator's halt word was written since it was last read: one load, before each intent and each request.

`operator.py` polls the word with the file and the signal every 5 ms. Between two polls a strategy may submit many
intents, so the code that sends an order looks at the count of the word's writes first, and has it polled at once
when that count has changed. Cells in the memory of one process have no such word and are asked by their method.
"""

from libc.stdint cimport uint64_t

from shm.protocol cimport first_cell_of, sy_word_of


cdef class HaltWord:
    """The count of writes of the cell OPERATOR_HALT."""

    def __init__(self, cells):
        """Watch these cells; None: there is no operator."""
        self.cells = cells
        self.word = NULL if cells is None else first_cell_of(cells)

    def read(self, uint64_t sequence):
        """Note that the word was read up to this count of writes."""
        self.seen = sequence

    def waits(self):
        """Whether the word was written since."""
        return self.changed()

    cdef bint changed(self) except -1:
        """Whether the word was written since."""
        if self.word != NULL:
            return sy_word_of(self.word) != self.seen
        return self.cells is not None and <uint64_t>self.cells.sequence(0) != self.seen
