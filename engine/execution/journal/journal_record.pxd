"""Journal records for compiled code."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t

from engine.model.records cimport Journalled

cdef extern from "crc32.h" nogil:
    uint32_t sy_crc32(const uint8_t *data, size_t size)
    uint32_t sy_crc32_plain(const uint8_t *data, size_t size)

cdef enum:
    VERSION = 3

cdef void seal(Journalled *record, uint64_t sequence, int64_t now_ns, uint8_t kind, uint16_t size) noexcept nogil
