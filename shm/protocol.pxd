"""`ring.h` for Cython: a lane read and written in place, without a call.

    reader_of(lane), writer_of(lane) ─▶ the C side of a lane's own object, NULL for anything else
                                        (a replay's history, a test's double): that is spoken to by its methods

Whoever keeps such a pointer keeps the object beside it, and lets the pointer go before closing it.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint64_t
from libc.string cimport memset

cdef extern from "ring.h" nogil:
    ctypedef uint64_t sy_word
    ctypedef struct sy_writer:
        char *data
        sy_word *cursor
        uint64_t next
        uint64_t capacity
        uint64_t reserve
        uint64_t record_size
    bint sy_room(sy_writer *, uint64_t)
    void sy_begin(sy_writer *)
    char *sy_slot(sy_writer *, uint64_t)
    void sy_publish(sy_writer *, uint64_t)

    ctypedef struct sy_reader:
        uint64_t next
        uint64_t capacity
        uint64_t reserve
        uint64_t record_size
    uint64_t sy_beyond(const sy_reader *)
    const char *sy_read_slot(const sy_reader *, uint64_t)
    uint64_t sy_torn(const sy_reader *, uint64_t, uint64_t)
    void sy_copy(char *, const char *, uint64_t)

cdef extern from * nogil:
    """
    #define sy_prefetch(at) __builtin_prefetch((const void *)(at), 0, 3)
    #define sy_prefetch_own(at) __builtin_prefetch((const void *)(at), 1, 3)
    """
    void sy_prefetch(const void *)
    void sy_prefetch_own(const void *)


cdef inline sy_writer rehearsal_of(char *room, sy_word *cursor, uint64_t record_size) noexcept nogil:
    """A writer on private memory, a slot wide: whoever rehearses a publish runs its code and tells nobody."""
    cdef sy_writer writer
    memset(&writer, 0, sizeof(sy_writer))
    writer.data, writer.cursor, writer.record_size = room, cursor, record_size
    writer.capacity = writer.reserve = 1
    return writer


cdef inline void expect_slots(sy_writer *writer, uint64_t count) noexcept nogil:
    """Ask for the lines of the next slots: they lie where nothing was written for a whole turn of the ring."""
    cdef uint64_t at
    if writer != NULL:
        for at in range(0, count * writer.record_size, 64):
            sy_prefetch_own(sy_slot(writer, 0) + at)


cdef inline sy_reader *reader_of(object lane) except? NULL:
    """The C side of a ring's reader."""
    from shm import RingReader
    return <sy_reader *>PyCapsule_GetPointer(lane.capsule, "steelyard.reader") if type(lane) is RingReader else NULL


cdef inline sy_writer *writer_of(object lane) except? NULL:
    """The C side of a ring's writer."""
    from shm import RingWriter
    return <sy_writer *>PyCapsule_GetPointer(lane.capsule, "steelyard.writer") if type(lane) is RingWriter else NULL
