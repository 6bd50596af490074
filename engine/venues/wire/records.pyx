"""The loop over TLS records: a venue sends each message as a record of its own, so it turns once a message.

In Python its calls cost as much as the frame parsing behind it. What TLS itself says (want more, end, fault) stays an
exception and passes through to the transport.
"""

from engine.venues.wire.frames cimport FrameReader


def decrypt(object read, object incoming, FrameReader reader, size_t record_limit):
    """Open every record in `incoming` into the reader's free end; `read` is that of the TLS engine."""
    cdef size_t count
    while incoming.pending:
        count = read(record_limit, reader)
        reader.written(count)
