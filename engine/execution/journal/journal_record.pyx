# cython: language_level=3, boundscheck=False, wraparound=False
"""A journal record's bytes with its checksum, in one call: a request's way out packs three of them.

The checksum is zlib's crc32 of the record with the field 0 (`crc32.h`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint16_t, uint64_t, uint8_t
from libc.string cimport memcpy, memset

from engine.model import records

assert records.JOURNAL.size == sizeof(Record)
assert [field.offset for field in records.JOURNAL.fields] == [0, 8, 16, 18, 20, 24]

cdef void seal(Record *record, uint64_t sequence, int64_t now_ns, uint16_t kind, uint16_t size) noexcept nogil:
    """Put the head before a payload of this size, nothing behind it, and the checksum over all."""
    record.sequence, record.now_ns, record.kind, record.size, record.checksum = sequence, now_ns, kind, size, 0
    memset(&record.payload[size], 0, PAYLOAD - size)
    record.checksum = sy_crc32(<const uint8_t *>record, sizeof(Record))


def checksums(bytes data not None):
    """Both ways to the checksum of these bytes, whose number is a multiple of 16 from 64 on: for proofs."""
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(data)
    assert len(data) >= 64 and len(data) % 16 == 0, len(data)
    return sy_crc32(at, PyBytes_GET_SIZE(data)), sy_crc32_plain(at, PyBytes_GET_SIZE(data))


def pack_record(uint64_t sequence, int64_t now_ns, uint16_t kind, bytes payload not None):
    """One whole record around a payload."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
    cdef bytes whole
    cdef Record *record
    assert size <= PAYLOAD, (kind, size)
    whole = PyBytes_FromStringAndSize(NULL, sizeof(Record))
    record = <Record *>PyBytes_AS_STRING(whole)
    memcpy(&record.payload[0], PyBytes_AS_STRING(payload), size)
    seal(record, sequence, now_ns, kind, <uint16_t>size)
    return whole
