# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Entries of a recording: assembled from the records of FRAMES, and read from a block.

    entry   receive_ns i64 │ connection u64 │ size u32 │ kind u8 │ 3 bytes unused │ payload

A frame fills several records of the ring. Records of a frame whose first record was overwritten are skipped. The
numbers of the frames show how many are missing: an entry of the kind LOST is written in their place.
"""

import json

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_Append
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove, memset

from engine.model.frame_id cimport FRAME_BITS
from engine.model.records cimport PAYLOAD, Piece
from engine.model.words cimport FLAG_LAST, FRAME_BEGIN, FRAME_CLOSED, FRAME_LOST, FRAME_RECEIVED

from engine.model import records, words

cdef packed struct Head:
    int64_t receive_ns
    uint64_t connection
    uint32_t size
    uint8_t kind
    uint8_t unused[3]

HEAD_SIZE = sizeof(Head)
assert records.FRAME.size == sizeof(Piece)
assert HEAD_SIZE == 24
assert words.FrameKind.END > FRAME_LOST


def pack(int64_t receive_ns, uint64_t connection, int kind, bytes payload):
    """Return one entry."""
    cdef Head head
    memset(&head, 0, sizeof(Head))
    head.receive_ns, head.connection, head.size, head.kind = receive_ns, connection, <uint32_t>len(payload), kind
    return PyBytes_FromStringAndSize(<char *>&head, sizeof(Head)) + payload


def count_of(bytes entries):
    """Return how many entries there are, one after the other."""
    cdef const char *data = entries
    cdef Py_ssize_t place = 0, end = len(entries), count = 0
    cdef Head head
    while place < end:
        memcpy(&head, data + place, sizeof(Head))
        place += sizeof(Head) + <Py_ssize_t>head.size
        count += 1
    return count


def unpack(bytes block, dict wanted, meet):
    """Return the entries of a block as (receive_ns, connection, kind, payload), of the wanted connections.

    `meet(payload of its BEGIN)` returns whether a connection is wanted; `wanted` keeps the results. Entries without a
    connection are kept.
    """
    cdef const char *data = block
    cdef Py_ssize_t place = 0, end = len(block)
    cdef uint64_t connection = 0
    cdef bint keep = False, known = False
    cdef Head head
    cdef list found = []
    while place < end:
        if end - place < <Py_ssize_t>sizeof(Head):
            raise ValueError(f"an entry's head is cut off at byte {place} of a block of {end}")
        memcpy(&head, data + place, sizeof(Head))
        place += sizeof(Head)
        if end - place < <Py_ssize_t>head.size:
            raise ValueError(f"an entry of {head.size} bytes is cut off at byte {place} of a block of {end}")
        if not known or head.connection != connection:
            connection = head.connection
            if head.kind == FRAME_BEGIN and connection not in wanted:
                wanted[connection] = meet(PyBytes_FromStringAndSize(data + place, head.size))
            known = connection in wanted
            keep = wanted.get(connection, False)
        if keep or head.kind >= FRAME_LOST:
            found.append((head.receive_ns, head.connection, head.kind,
                          PyBytes_FromStringAndSize(data + place, head.size)))
        place += head.size
    return found


def gather(list entries, Py_ssize_t place, int64_t until_ns, Py_ssize_t limit, frames, list times):
    """Collect the frames that one connection received in a row, from `place` on; return the place after them."""
    cdef tuple entry
    cdef object connection = None
    cdef Py_ssize_t end = min(len(entries), place + limit)
    while place < end:
        entry = <tuple>entries[place]
        if <int>entry[2] != FRAME_RECEIVED or <int64_t>entry[0] > until_ns:
            break
        if connection is None:
            connection = entry[1]
        elif entry[1] != connection:
            break
        PyList_Append(frames, entry[3])
        times.append(entry[0])
        place += 1
    return place


cdef class Assembler:
    """Assembles the records of FRAMES to entries."""

    cdef char *out
    cdef size_t room
    cdef readonly size_t size
    cdef size_t begun
    cdef bint open
    cdef bint wanted
    cdef bint synced
    cdef uint64_t current
    cdef uint64_t next_number
    cdef uint64_t met
    cdef uint64_t overtaken_records
    cdef dict known
    cdef object meet
    cdef readonly list ended  # connections that ended; the recorder clears this after it has written their ends
    cdef readonly int64_t first_ns
    cdef readonly int64_t last_ns
    cdef readonly uint64_t count
    cdef readonly uint64_t frames
    cdef readonly uint64_t octets
    cdef readonly uint64_t lost
    cdef readonly uint64_t losses

    def __init__(self, meet):
        """`meet(connection, whether it begins here)` returns whether to keep its frames, and entries to put before."""
        self.meet, self.known, self.ended = meet, {}, []

    def __dealloc__(self):
        free(self.out)

    def add_overtaken(self, uint64_t count):
        """Count records that were overwritten before they were read."""
        self.overtaken_records += count

    def add(self, bytes entry):
        """Append one or more finished entries."""
        cdef const char *data = entry
        self.append(data, len(entry))
        self.count += count_of(entry)

    def assemble(self, const unsigned char[::1] block):
        """Assemble records, given as the ring's bytes."""
        cdef Py_ssize_t place
        assert block.shape[0] % sizeof(Piece) == 0, "not whole records"
        for place in range(0, block.shape[0], sizeof(Piece)):
            self.assemble_one(<const Piece *>&block[place])

    def remove_whole(self):
        """Return and remove the finished entries: (bytes, how many, first and last receive_ns)."""
        cdef size_t whole = self.begun if self.open else self.size
        found = PyBytes_FromStringAndSize(self.out, whole), self.count, self.first_ns, self.last_ns
        if whole < self.size:
            memmove(self.out, self.out + whole, self.size - whole)
        self.size -= whole
        self.begun = 0
        self.count = self.first_ns = self.last_ns = 0
        return found

    cdef int assemble_one(self, const Piece *piece) except -1:
        if piece.offset == 0:
            self.start(piece)
        elif not self.open or piece.number != self.current or not self.follows(piece):
            return 0
        assert piece.size <= PAYLOAD, "a piece of a frame is larger than its record"
        if self.wanted:
            self.append(piece.payload, piece.size)
        if piece.flags & FLAG_LAST:
            self.finish(piece)
        return 0

    cdef bint follows(self, const Piece *piece) noexcept:
        """Whether a piece is the next one of the frame."""
        return not self.wanted or self.size - self.begun - sizeof(Head) == piece.offset

    cdef int start(self, const Piece *piece) except -1:
        """Begin a frame; drop one that was not finished."""
        cdef Head head
        cdef bint broken = self.open
        if broken:
            self.size = self.begun
            self.open = False
        self.check_number(piece, broken)
        if not self.synced or piece.connection != self.met:
            self.wanted = self.is_wanted(piece.connection, piece.kind == FRAME_BEGIN)
            self.met = piece.connection
        self.open, self.current, self.begun = True, piece.number, self.size
        if self.wanted:
            memset(&head, 0, sizeof(Head))
            head.receive_ns, head.connection, head.kind = piece.receive_ns, piece.connection, piece.kind
            head.size = piece.length
            self.append(<const char *>&head, sizeof(Head))
        return 0

    cdef int check_number(self, const Piece *piece, bint broken) except -1:
        """Mark the frames that are missing before this one. Another life of the feed restarts the numbers."""
        cdef bint known = self.synced and piece.number >> FRAME_BITS == self.next_number >> FRAME_BITS
        cdef uint64_t missing = piece.number - self.next_number if known else broken
        if missing or self.overtaken_records:
            self.mark_lost(missing if known or broken else None, piece.receive_ns, piece.connection)
        return 0

    def settle(self, int64_t now_ns):
        """Mark at the end the frames that were overtaken, or begun and not finished."""
        if self.open:
            self.size, self.open = self.begun, False
            self.mark_lost(None, now_ns, self.met)
        elif self.overtaken_records:
            self.mark_lost(None, now_ns, self.met)

    cdef int mark_lost(self, missing, int64_t receive_ns, uint64_t connection) except -1:
        """Append the mark of a gap; how many frames are missing is not always known."""
        row = {"frames": missing, "records": self.overtaken_records}
        self.overtaken_records = 0
        self.lost += missing or 0
        self.losses += 1
        self.add(pack(receive_ns, connection, FRAME_LOST, json.dumps(row).encode()))
        return 0

    cdef bint is_wanted(self, uint64_t connection, bint begins) except -1:
        """Whether a connection's frames are wanted; its description is written before its first frame."""
        if connection not in self.known:
            self.known[connection], before = self.meet(connection, bool(begins))
            if before:
                self.add(before)
        return self.known[connection]

    cdef int finish(self, const Piece *piece) except -1:
        self.open, self.synced, self.next_number = False, True, piece.number + 1
        if not self.wanted:
            return 0
        assert self.size - self.begun == sizeof(Head) + piece.length, "a frame does not have its stated length"
        if not self.first_ns:
            self.first_ns = piece.receive_ns
        self.last_ns = piece.receive_ns
        if piece.kind == FRAME_CLOSED:
            self.ended.append(piece.connection)
        self.count += 1
        self.frames += 1
        self.octets += piece.length
        return 0

    cdef int append(self, const char *data, size_t length) except -1:
        cdef char *grown
        if self.size + length > self.room:
            grown = <char *>realloc(self.out, 2 * (self.size + length))
            if grown == NULL:
                raise MemoryError(f"no memory for {self.size + length} bytes of a recording")
            self.out, self.room = grown, 2 * (self.size + length)
        memcpy(self.out + self.size, data, length)
        self.size += length
        return 0
