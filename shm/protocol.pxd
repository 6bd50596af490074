"""`ring.h` for Cython: a lane read and written in place, without a call.

    reader_of(lane), writer_of(lane) ─▶ the C reader or writer of a RingReader or RingWriter; NULL for any other object
                                        (a replay's history, a test's double), which is used by its methods

A holder of such a pointer keeps the Python object too, and stops using the pointer before it closes the object.
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
    bint sy_has_room(sy_writer *, uint64_t)
    void sy_begin(sy_writer *)
    char *sy_slot(sy_writer *, uint64_t)
    void sy_publish(sy_writer *, uint64_t)

    ctypedef struct sy_reader:
        const char *data
        sy_word *cursor
        uint64_t next
        uint64_t capacity
        uint64_t reserve
        uint64_t record_size
    uint64_t sy_unread(const sy_reader *)
    const char *sy_read_slot(const sy_reader *, uint64_t)
    uint64_t sy_overwritten(const sy_reader *, uint64_t, uint64_t)
    void sy_copy(char *, const char *, uint64_t)

cdef extern from * nogil:
    """
    #define sy_prefetch(at) __builtin_prefetch((const void *)(at), 0, 3)
    #define sy_prefetch_own(at) __builtin_prefetch((const void *)(at), 1, 3)
    """
    void sy_prefetch(const void *)
    void sy_prefetch_own(const void *)


cdef extern from * nogil:
    """
    #define sy_word_of(at) atomic_load_explicit((at), memory_order_acquire)
    """
    uint64_t sy_word_of(sy_word *)


cdef inline sy_word *first_cell_of(object cells) except? NULL:
    """Return the word that counts the writes of a CellReader's first cell; NULL for any other object."""
    from shm import CellReader
    return <sy_word *>PyCapsule_GetPointer(cells.capsule, "steelyard.cell") if type(cells) is CellReader else NULL


cdef inline sy_writer rehearsal_of(char *room, sy_word *cursor, uint64_t record_size) noexcept nogil:
    """Return a writer on private memory of one slot: a rehearsal runs the code of a publish and publishes nothing."""
    cdef sy_writer writer
    memset(&writer, 0, sizeof(sy_writer))
    writer.data, writer.cursor, writer.record_size = room, cursor, record_size
    writer.capacity = writer.reserve = 1
    return writer


cdef inline sy_reader stage_of(const char *room, sy_word *cursor, uint64_t record_size) noexcept nogil:
    """Return a reader of private records, as many as `cursor` counts, at most 2: a rehearsal reads no lane."""
    cdef sy_reader reader
    memset(&reader, 0, sizeof(sy_reader))
    reader.data, reader.cursor, reader.record_size = room, cursor, record_size
    reader.capacity, reader.reserve = 4, 2
    return reader


cdef inline void expect_slots(sy_writer *writer, uint64_t count) noexcept nogil:
    """Prefetch the lines of the next slots, which were last written one turn of the ring ago."""
    cdef uint64_t at
    if writer != NULL:
        for at in range(0, count * writer.record_size, 64):
            sy_prefetch_own(sy_slot(writer, 0) + at)


cdef inline sy_reader *reader_of(object lane) except? NULL:
    """Return the C reader of a RingReader."""
    from shm import RingReader
    return <sy_reader *>PyCapsule_GetPointer(lane.capsule, "steelyard.reader") if type(lane) is RingReader else NULL


cdef inline sy_writer *writer_of(object lane) except? NULL:
    """Return the C writer of a RingWriter."""
    from shm import RingWriter
    return <sy_writer *>PyCapsule_GetPointer(lane.capsule, "steelyard.writer") if type(lane) is RingWriter else NULL
