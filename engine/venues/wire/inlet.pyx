# cython: language_level=3
"""What an open WebSocket does most: give the messages that have become whole, and send one.

    look ─▶ recv ─▶ (TLS) ─▶ FrameReader ─▶ messages
       └─ other work: connecting, control frames, bytes to be sent, faults, the end ─▶ the port, in Python
    send ─▶ FrameWriter ─▶ transmit
       └─ TLS, bytes that wait, and what the socket does not accept at once ─▶ the transport, in Python
"""

from libc.errno cimport EAGAIN

from engine.venues.wire.frames cimport FrameReader, FrameWriter
from engine.venues.wire.receiver cimport SealedReceiver

from engine.venues.wire.descriptor import transmit
from engine.venues.wire.frames import TEXT

cdef int C_TEXT = TEXT


cdef class Inlet:
    """What is hot of a port; a subclass has the rest.

    These are `move(now_ns)`, `finish_read(messages)` and `stop(count)` for reading, `write(frame)` and
    `finish_write(frame, count)` for sending.
    """

    def __init__(self, FrameReader reader, FrameWriter writer):
        """Nothing flows yet."""
        self.reader, self.writer = reader, writer
        self.practice = FrameReader()
        self.echo = FrameWriter(server=True)

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

    def send(self, bytes payload not None, int opcode=C_TEXT):
        """Queue one message and push it out; False when the connection is not open, or lost with this."""
        return self.flowing and self.push(self.writer.encode(opcode, payload))

    def warm(self, bytes payload not None):
        """Run the code of a send without sending, so that a rare message does not run from cold caches.

        On a plain socket it sends zero bytes: this runs the kernel's code as well, and shows that a connection is lost.
        """
        if self.flowing:
            self.writer.encode(C_TEXT, payload)
            if self.sealed is None and not self.plain.unsent:
                self.push(b"")

    cdef bint push(self, bytes frame) except -1:
        """Send a frame; False when the connection is lost with this."""
        cdef Py_ssize_t count
        if self.sealed is not None or self.plain.unsent:
            return self.write(frame)
        count = transmit(self.plain.descriptor, frame)
        return count == len(frame) or self.finish_write(frame, count)

    def rehearse(self, bytes message):
        """Parse this message with a reader for practice, so that the next real message finds the code in the cache."""
        self.practice.feed(self.echo.encode(C_TEXT, message))
        self.practice.messages()

    cdef Py_ssize_t fill(self) except? -1:
        """Read one large block; what it leaves in the socket makes the descriptor readable again."""
        return self.plain.fill(self.reader) if self.sealed is None else self.sealed.fill(self.reader)
