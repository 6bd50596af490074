# cython: language_level=3, boundscheck=False, wraparound=False
"""Packs a journal record with its checksum in one call, and finds the whole records in bytes that were read.

Sending a request packs three records; a start checks every record after the newest checkpoint.

The checksum is zlib's crc32 of the record with its checksum field 0 (`crc32.h`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint16_t, uint64_t, uint8_t
from libc.string cimport memcpy, memset

from engine.model.records cimport JOURNAL_PAYLOAD, Journalled

from engine.model import records

assert records.JOURNAL.size == sizeof(Journalled)
assert [field.offset for field in records.JOURNAL.fields] == [0, 8, 16, 17, 18, 20, 24]
assert records.JOURNAL_VERSION == VERSION

cdef void seal(Journalled *record, uint64_t sequence, int64_t now_ns, uint8_t kind, uint16_t size) noexcept nogil:
    """Write the head before a payload of this size, zeros after it, and the checksum of the whole record."""
    record.sequence, record.now_ns, record.kind, record.version = sequence, now_ns, kind, VERSION
    record.size, record.checksum = size, 0
    memset(&record.payload[size], 0, JOURNAL_PAYLOAD - size)
    record.checksum = sy_crc32(<const uint8_t *>record, sizeof(Journalled))


cdef bint is_sealed(const Journalled *record) noexcept nogil:
    """Whether a record has the checksum that `seal` writes."""
    cdef Journalled copy = record[0]
    copy.checksum = 0
    return sy_crc32(<const uint8_t *>&copy, sizeof(Journalled)) == record.checksum


def count_whole(bytes data not None, uint64_t expected=0):
    """How many records at the beginning are whole and follow each other; the first must be `expected`, 0: any."""
    cdef const Journalled *record = <const Journalled *>PyBytes_AS_STRING(data)
    cdef Py_ssize_t index, count = PyBytes_GET_SIZE(data) // sizeof(Journalled)
    if count and not expected:
        expected = record.sequence
    for index in range(count):
        if not expected or record[index].sequence != expected + index or not is_sealed(&record[index]):
            return index
    return count


def checksums(bytes data not None):
    """The checksum of these bytes by both algorithms, for tests; at least 64 bytes, a multiple of 16."""
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(data)
    assert len(data) >= 64 and len(data) % 16 == 0, len(data)
    return sy_crc32(at, PyBytes_GET_SIZE(data)), sy_crc32_plain(at, PyBytes_GET_SIZE(data))


def pack_record(uint64_t sequence, int64_t now_ns, uint8_t kind, bytes payload not None):
    """One whole record around a payload."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
    cdef bytes whole
    cdef Journalled *record
    assert size <= JOURNAL_PAYLOAD, (kind, size)
    whole = PyBytes_FromStringAndSize(NULL, sizeof(Journalled))
    record = <Journalled *>PyBytes_AS_STRING(whole)
    memcpy(&record.payload[0], PyBytes_AS_STRING(payload), size)
    seal(record, sequence, now_ns, kind, <uint16_t>size)
    return whole
