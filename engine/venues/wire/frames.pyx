"""WebSocket frames (RFC 6455) from bytes and to bytes, without a socket.

A `FrameReader` owns one buffer. A socket writes straight into its free end (`recv_into(reader)`, then `written(n)`),
the frames are parsed in place, and only one `bytes` object is made for each complete message. The buffer is used from
its beginning again as soon as every frame in it has been read, so it stays in the cache; it grows only for a frame that
does not fit.

    buffer  [ read already | frames not read yet | free: the next read goes here ]
            0              start                 end                      capacity

If a peer breaks the protocol, `error` has the close code and what was found, and no further byte is read. Extensions
are never offered, so every reserved bit is a fault. Text is checked for UTF-8 only on request: the scanners refuse
every byte that they do not know, and the check costs as much as the parsing.
"""

import os
from collections import namedtuple

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove

from engine.venues.wire.text cimport is_utf8

CONTINUATION = 0
TEXT = 1
BINARY = 2
CLOSE = 8
PING = 9
PONG = 10

PROTOCOL_ERROR = 1002
NOT_TEXT = 1007
TOO_LARGE = 1009

LIMIT = 16 << 20

FrameError = namedtuple("FrameError", ("code", "reason"))

cdef enum:
    C_BINARY = 2
    C_CLOSE = 8
    C_CONTROL_LIMIT = 125
    C_FAULT = -1

# A read asks for at least this much; the buffer's first size leaves room for several.
cdef size_t LEAST_ROOM = 64 << 10
cdef size_t FIRST_CAPACITY = 256 << 10


cdef inline void xor_mask(uint8_t *target, const uint8_t *source, size_t length, uint32_t key) noexcept nogil:
    """Mask or unmask, eight bytes a turn; `key` holds the four mask bytes in memory order."""
    cdef uint64_t wide = (<uint64_t>key << 32) | key
    cdef uint64_t word
    cdef const uint8_t *key_bytes = <const uint8_t *>&key
    cdef size_t index = 0
    while index + 8 <= length:
        memcpy(&word, source + index, 8)
        word ^= wide
        memcpy(target + index, &word, 8)
        index += 8
    while index < length:
        target[index] = source[index] ^ key_bytes[index & 3]
        index += 1


cdef inline bint close_code_allowed(int code) noexcept nogil:
    """The close codes that may be sent: assigned ones, and the ranges of libraries and applications."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


cdef class FrameReader:
    """Messages out of bytes, for the client's side, or with `server` for the server's."""

    def __cinit__(self, size_t limit=LIMIT, bint server=False, bint check_text=False):
        """Allocate a first buffer; `limit` bounds a whole message, in one frame or several."""
        self.buffer = <uint8_t *>malloc(FIRST_CAPACITY)
        if self.buffer == NULL:
            raise MemoryError
        self.capacity = FIRST_CAPACITY
        self.limit = limit
        self.server = server
        self.check_text = check_text
        self.controls = []

    def __dealloc__(self):
        """Give the buffers back."""
        free(self.buffer)
        free(self.assembly)

    def __getbuffer__(self, Py_buffer *view, int flags):
        """Lend out the free end of the buffer, at least 64 KB or what the frame begun still lacks."""
        self.make_room(LEAST_ROOM)
        PyBuffer_FillInfo(view, self, self.buffer + self.end, self.capacity - self.end, 0, flags)
        self.views += 1

    def __releasebuffer__(self, Py_buffer *view):
        """End a view of the free end; the buffer may move only without a view."""
        self.views -= 1

    cdef int make_room(self, size_t wanted) except -1:
        """Make the free end hold `wanted` bytes and the rest of the frame: move unread bytes to the front, or grow."""
        cdef size_t held = self.end - self.start
        cdef uint8_t *grown
        if self.needed > held and self.needed - held > wanted:
            wanted = self.needed - held
        if self.capacity - self.end >= wanted:
            return 0
        assert self.views == 0, "the buffer is lent out and cannot move"
        if self.start:
            memmove(self.buffer, self.buffer + self.start, held)
            self.start = 0
            self.end = held
        if self.capacity - held < wanted:
            grown = <uint8_t *>realloc(self.buffer, held + wanted + LEAST_ROOM)
            if grown == NULL:
                raise MemoryError
            self.buffer = grown
            self.capacity = held + wanted + LEAST_ROOM
        return 0

    @property
    def held(self):
        """How many bytes wait to become a frame."""
        return self.end - self.start

    @property
    def unfinished(self):
        """Whether a message has begun and not ended."""
        return self.end > self.start or self.assembly_opcode != 0

    cpdef int written(self, size_t count) except -1:
        """Add the `count` bytes that a read wrote into the free end."""
        assert count <= self.capacity - self.end, "more written than there was room"
        self.end += count
        return 0

    def feed(self, const uint8_t[::1] block):
        """Append bytes that other code read."""
        cdef size_t count = block.shape[0]
        if count:
            self.make_room(count)
            memcpy(self.buffer + self.end, &block[0], count)
            self.end += count

    cpdef list messages(self):
        """Every complete message, in order; pings, pongs and a close go to `controls`."""
        cdef list found = []
        cdef int kind
        while True:
            kind = self.advance()
            if kind <= 0:
                return found
            if kind < C_CLOSE:
                found.append(PyBytes_FromStringAndSize(<char *>self.payload, self.length))
            else:
                self.controls.append((kind, PyBytes_FromStringAndSize(<char *>self.payload, self.length)))

    def events(self):
        """Messages and control frames alike as (opcode, payload), in order."""
        cdef list found = []
        cdef int kind
        while True:
            kind = self.advance()
            if kind <= 0:
                return found
            found.append((kind, PyBytes_FromStringAndSize(<char *>self.payload, self.length)))

    cdef int fail(self, int code, str reason) except -2:
        """Note what the peer did wrong; nothing is read after it."""
        self.error = FrameError(code, reason)
        return C_FAULT

    cdef int advance(self) except -2:
        """Go to the next complete message or control frame: its opcode, 0 for not yet, -1 for a fault."""
        cdef int opcode
        cdef uint8_t *head
        if self.error is not None:
            return C_FAULT
        while not self.closed:
            if self.end - self.start < 2:
                break
            head = self.buffer + self.start
            opcode = self.locate(head, self.end - self.start)
            if opcode < 0:
                return opcode
            if self.payload == NULL:
                return 0
            self.start = (self.payload - self.buffer) + self.length
            opcode = self.accept(opcode, head[0] & 0x80 != 0)
            if opcode != 0:
                return opcode
        if self.start == self.end or self.closed:
            self.start = self.end = 0
        self.needed = 0
        return 0

    cdef int locate(self, uint8_t *head, size_t available) except -2:
        """Read a header: sets payload (NULL when not all is there) and length, gives the opcode or a fault."""
        cdef int opcode = head[0] & 0x0F
        cdef size_t header = 2
        cdef uint64_t length = head[1] & 0x7F
        cdef uint32_t key
        cdef int index
        self.payload = NULL
        if head[0] & 0x7F > C_BINARY or (head[1] & 0x80 != 0) != self.server or length > C_CONTROL_LIMIT:
            if self.judge(head[0], head[1]) < 0:
                return C_FAULT
            if length > C_CONTROL_LIMIT:
                header = 4 if length == 126 else 10
                if available < header:
                    self.needed = header
                    return opcode
                length = 0
                for index in range(2, <int>header):
                    length = (length << 8) | head[index]
                if length < (126 if header == 4 else 65536) or length >> 63:
                    return self.fail(PROTOCOL_ERROR, f"length {length} in a field of {header - 2} bytes")
        if opcode < C_CLOSE and self.judge_order(opcode, length) < 0:
            return C_FAULT
        if self.server:
            header += 4
        self.needed = header + length
        if available < self.needed:
            return opcode
        self.payload = head + header
        self.length = length
        if self.server:
            memcpy(&key, head + header - 4, 4)
            xor_mask(self.payload, self.payload, length, key)
        return opcode

    cdef int judge(self, uint8_t first, uint8_t second) except -2:
        """Refuse what the first two bytes alone show to be wrong."""
        cdef int opcode = first & 0x0F
        if first & 0x70:
            return self.fail(PROTOCOL_ERROR, f"reserved bits {(first & 0x70) >> 4:03b} set without an extension")
        if opcode > 10 or C_BINARY < opcode < C_CLOSE:
            return self.fail(PROTOCOL_ERROR, f"unknown opcode {opcode}")
        if (second & 0x80 != 0) != self.server:
            return self.fail(PROTOCOL_ERROR, "unmasked frame from a client" if self.server else "masked server frame")
        if opcode >= C_CLOSE and not first & 0x80:
            return self.fail(PROTOCOL_ERROR, f"control frame {opcode} in fragments")
        if opcode >= C_CLOSE and second & 0x7F > C_CONTROL_LIMIT:
            return self.fail(PROTOCOL_ERROR, f"control frame {opcode} of more than {C_CONTROL_LIMIT} bytes")
        return 0

    cdef int judge_order(self, int opcode, uint64_t length) except -2:
        """Refuse a fragment out of place, and a message over the limit before a byte of it is kept."""
        cdef size_t before = self.assembly_length if self.assembly_opcode else 0
        if opcode == 0 and not self.assembly_opcode:
            return self.fail(PROTOCOL_ERROR, "a continuation without a beginning")
        if opcode and self.assembly_opcode:
            return self.fail(PROTOCOL_ERROR, "a message begins inside another")
        if length > self.limit - before:
            return self.fail(TOO_LARGE, f"message of {before + length} bytes or more, limit {self.limit}")
        return 0

    cdef int accept(self, int opcode, bint final) except -2:
        """Judge a whole frame: the opcode of the message it completes, 0 for a fragment kept, -1 for a fault."""
        if opcode >= C_CLOSE:
            return self.accept_close() if opcode == C_CLOSE else opcode
        if not final or opcode == 0:
            self.assemble(opcode)
            if not final:
                return 0
            opcode = self.assembly_opcode
            self.assembly_opcode = 0
            self.payload = self.assembly
            self.length = self.assembly_length
        if self.check_text and opcode == 1 and not is_utf8(self.payload, self.length):
            return self.fail(NOT_TEXT, f"text message of {self.length} bytes is not UTF-8")
        return opcode

    cdef int accept_close(self) except -2:
        """Judge a close: its code, its reason, and nothing after it."""
        cdef int code
        if self.length == 1:
            return self.fail(PROTOCOL_ERROR, "close payload of one byte")
        if self.length >= 2:
            code = (self.payload[0] << 8) | self.payload[1]
            if not close_code_allowed(code):
                return self.fail(PROTOCOL_ERROR, f"close code {code}")
            if not is_utf8(self.payload + 2, self.length - 2):
                return self.fail(NOT_TEXT, "close reason is not UTF-8")
        self.closed = True
        return C_CLOSE

    cdef int assemble(self, int opcode) except -1:
        """Keep a fragment until its last one comes; `limit` bounds what is kept."""
        cdef size_t total
        cdef uint8_t *grown
        if opcode:
            self.assembly_opcode = opcode
            self.assembly_length = 0
        total = self.assembly_length + self.length
        if total > self.assembly_capacity or self.assembly == NULL:
            grown = <uint8_t *>realloc(self.assembly, total * 2 + 256)
            if grown == NULL:
                raise MemoryError
            self.assembly = grown
            self.assembly_capacity = total * 2 + 256
        memcpy(self.assembly + self.assembly_length, self.payload, self.length)
        self.assembly_length = total
        return 0


cdef class FrameWriter:
    """Frames to send, masked with a key of their own for a client, or plain with `server`.

    Keys come from a generator seeded by the system's randomness: masking guards proxies from pages that choose
    their own bytes, and here every byte is ours.
    """

    def __cinit__(self, bint server=False):
        """Seed the mask keys."""
        self.seed = int.from_bytes(os.urandom(8), "little")
        self.server = server

    cdef inline uint32_t next_key(self) noexcept nogil:
        """The next mask key (splitmix64)."""
        cdef uint64_t mixed
        self.seed += <uint64_t>0x9E3779B97F4A7C15
        mixed = self.seed
        mixed = (mixed ^ (mixed >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
        mixed = (mixed ^ (mixed >> 27)) * <uint64_t>0x94D049BB133111EB
        return <uint32_t>(mixed >> 32)

    cpdef bytes encode(self, int opcode, bytes payload, bint final=True):
        """One whole frame around a payload."""
        cdef size_t length = PyBytes_GET_SIZE(payload)
        cdef size_t header = 2 if length < 126 else 4 if length < 65536 else 10
        cdef size_t mask = 0 if self.server else 4
        cdef bytes frame = PyBytes_FromStringAndSize(NULL, header + mask + length)
        cdef uint8_t *target = <uint8_t *>PyBytes_AS_STRING(frame)
        cdef const uint8_t *source = <const uint8_t *>PyBytes_AS_STRING(payload)
        cdef uint32_t key
        assert opcode < C_CLOSE or length <= C_CONTROL_LIMIT, "a control frame holds 125 bytes at most"
        target[0] = (0x80 if final else 0) | opcode
        write_length(target + 1, length, header, 0 if self.server else 0x80)
        if self.server:
            memcpy(target + header, source, length)
        else:
            key = self.next_key()
            memcpy(target + header, &key, 4)
            xor_mask(target + header + 4, source, length, key)
        return frame


cdef inline void write_length(uint8_t *target, uint64_t length, size_t header, uint8_t mask_bit) noexcept nogil:
    """The length in the shortest of its three forms, with the mask bit on top."""
    cdef size_t index
    if header == 2:
        target[0] = mask_bit | <uint8_t>length
        return
    target[0] = mask_bit | (126 if header == 4 else 127)
    for index in range(header - 2):
        target[1 + index] = <uint8_t>(length >> (8 * (header - 3 - index)))


def close_payload(int code, str reason=""):
    """The body of a close frame, the reason cut to what fits."""
    return code.to_bytes(2, "big") + reason.encode()[:C_CONTROL_LIMIT - 2].decode(errors="ignore").encode()


def describe_close(bytes payload):
    """A close frame's body in words for a person."""
    if len(payload) < 2:
        return "no code"
    return f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}".rstrip()
