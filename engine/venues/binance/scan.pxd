"""The compiled face of Binance's market data."""

from libc.stdint cimport int64_t

from engine.venues.market cimport ContiguousRule, Market, Message, Rule

cdef enum TokenKind:
    ABSENT = 0
    INTEGER = 1
    STRING = 2
    ARRAY = 3
    TRUE = 4
    FALSE = 5
    STRANGE = 6  # a value no hot message has under this key

cdef struct Token:
    int kind
    Py_ssize_t length
    const char *start
    int64_t integer
    int listing  # by whose decimals the levels of an array were read as they were passed, -1 when they were not
    Py_ssize_t level_start
    Py_ssize_t level_count

cdef class BinanceMarket(Market):
    cdef Token[128] tokens  # by the letter of the key; longer keys have places below 32
    cdef char[128] used
    cdef int used_count
    cdef bint wrapped
    cdef const char *end  # of the frame

    cdef void begin(self) noexcept nogil
    cdef const char *read_object(self, const char *at, bint outer) noexcept nogil
    cdef const char *read_token(self, const char *at, int place) noexcept nogil
    cdef const char *read_array(self, const char *at, Token *token) noexcept nogil
    cdef const char *read_levels(self, const char *at, int index, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil
    cdef int interpret(self) noexcept nogil
    cdef int read_depth(self) noexcept nogil
    cdef int read_best(self) noexcept nogil
    cdef int read_print(self, char number, int numbering) noexcept nogil
    cdef bint has(self, char place, int kind) noexcept nogil
    cdef bint given(self, char place) noexcept nogil
    cdef bint read_quoted(self, char place, int decimals, int64_t *value) noexcept nogil
    cdef bint read_time(self, int64_t *value) noexcept nogil
    cdef int read_book(self, int index, Message *message) noexcept nogil
    cdef bint read_side_levels(self, char place, int index, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil


cdef class SpotRule(ContiguousRule):
    pass


cdef class FuturesRule(Rule):
    pass
