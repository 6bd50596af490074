# cython: language_level=3
"""What an open WebSocket does in nearly every look: ask the socket, and give the messages that have become whole.

    look ─▶ recv ─▶ (TLS) ─▶ FrameReader ─▶ messages
       └─ other work: connecting, control frames, bytes to be sent, faults, the end ─▶ the port, in Python
"""

from libc.errno cimport EAGAIN

from engine.venues.wire.frames cimport FrameReader
from engine.venues.wire.receiver cimport SealedReceiver

from engine.venues.wire.frames import TEXT, FrameWriter


cdef class Inlet:
    """The reading half of a port; a subclass has `move(now_ns)`, `finish_read(messages)` and `stop(count)`."""

    def __init__(self, FrameReader reader):
        """Nothing flows yet."""
        self.reader = reader
        self.practice = FrameReader()
        self.encode = FrameWriter(server=True).encode

    @property
    def receive_ns(self):
        """When bytes were last read from the socket, 0 before any: how long a venue has been mute counts from here."""
        return self.plain.receive_ns if self.plain is not None else 0

    def draw_from(self, transport):
        """Read from this connection as soon as something flows."""
        self.sealed = transport if isinstance(transport, SealedReceiver) else None
        self.plain = transport if self.sealed is None else self.sealed.plain

    def flow(self, bint flowing):
        """Messages may come from here on, or no more."""
        self.flowing = flowing

    def poll(self, now_ns):
        """Complete messages since the last call, in order; control frames are answered inside."""
        messages = self.poll_if_changed(now_ns)
        return [] if messages is None else messages

    def poll_if_changed(self, now_ns):
        """The same, but None where no message came and no state changed."""
        cdef Py_ssize_t count
        cdef list messages
        if not self.flowing:
            return self.move(now_ns)
        count = self.fill()
        if count == -EAGAIN and not self.plain.unsent:
            return None
        if count <= 0:
            return self.stop(count)
        messages = self.reader.messages()
        if self.reader.controls or self.reader.error is not None:
            self.finish_read(messages)
        return messages

    def rehearse(self, bytes message):
        """Parse this message with a reader for practice, so that the next real message finds the code in the cache."""
        self.practice.feed(self.encode(TEXT, message))
        self.practice.messages()

    cdef Py_ssize_t fill(self) except? -1:
        """Read one large block; what it leaves in the socket makes the descriptor readable again."""
        return self.plain.fill(self.reader) if self.sealed is None else self.sealed.fill(self.reader)
