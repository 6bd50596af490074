"""The frame codec against wsproto: random streams, cut anywhere, with bytes changed: same messages or both refuse."""

import random
from collections.abc import Iterator
from typing import cast

import pytest
from wsproto.frame_protocol import Frame, FrameProtocol, MessageDecoder, Opcode, ParseFailed

from engine.venues.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, TOO_LARGE, FrameReader, FrameWriter
from tests.engine.venues.mutations import MUTATIONS

ROUNDS = MUTATIONS * 3 // 40  # a round is a stream of several frames, in several blocks
BAD_GATEWAY = (1014).to_bytes(2, "big")  # assigned by IANA after the RFC; wsproto refuses it
Events = list[tuple[int, bytes]]


class AnyBytes(MessageDecoder):
    """wsproto's messages without its check of text, which decides before a message is whole."""

    def process_frame(self, frame: Frame) -> Frame:
        """Take text for bytes."""
        return super().process_frame(frame._replace(opcode=Opcode.BINARY) if frame.opcode is Opcode.TEXT else frame)


class Oracle:
    """What wsproto makes of a stream."""

    def __init__(self, *, client: bool) -> None:
        """Listen as the client or the server."""
        self._protocol = FrameProtocol(client=client, extensions=[])
        self._protocol._message_decoder = AnyBytes()  # the only way in
        self._part = b""
        self.events: Events = []
        self.refused = False

    def feed(self, block: bytes) -> None:
        """Take bytes; a refusal is for good."""
        if self.refused:
            return
        self._protocol.receive_bytes(block)
        try:
            for frame in self._protocol.received_frames():
                self._take(frame)
        except ParseFailed:
            self.refused = True

    def _take(self, frame: Frame) -> None:
        """Put a message together from its parts; control frames come in parts, too."""
        if frame.opcode is Opcode.CLOSE:
            self.events.append((CLOSE, b""))
            return
        if frame.opcode.iscontrol():
            self.events.append((int(frame.opcode), cast("bytes", frame.payload)))
            return
        self._part += cast("bytes", frame.payload)
        if frame.message_finished:
            self.events.append((BINARY, self._part))
            self._part = b""


def comparable(events: Events, oracle: Oracle) -> Events:
    """Ours in the oracle's words: text is bytes, a close has no payload, and 1014 is a code it does not know."""
    if oracle.refused and events and events[-1][0] == CLOSE and events[-1][1][:2] == BAD_GATEWAY:
        events = events[:-1]
    return [(BINARY if kind == TEXT else kind, b"" if kind == CLOSE else payload) for kind, payload in events]


def encode(source: random.Random, opcode: int, payload: bytes, *, final: bool = True, client: bool) -> bytes:
    """A frame for this reader; the mask comes from the seed, too, or a failure could not be had again."""
    frame = FrameWriter(server=True).encode(opcode, payload, final)
    if client:
        return frame
    header, key = len(frame) - len(payload), source.randbytes(4)
    masked = bytes(byte ^ key[index & 3] for index, byte in enumerate(payload))
    return frame[:1] + bytes([frame[1] | 0x80]) + frame[2:header] + key + masked


def stream_of(source: random.Random, *, client: bool) -> bytes:
    """Some good messages, whole and in fragments, with control frames between; perhaps a close."""
    frames: list[bytes] = []
    for _ in range(source.randrange(1, 8)):
        count = source.choice([1, 1, 1, 2, 4])
        for part in range(count):
            payload = source.randbytes(source.choice([0, 1, 5, 125, 126, 300, 70000 if source.random() < 0.02 else 40]))
            opcode = CONTINUATION if part else source.choice([TEXT, BINARY])
            frames.append(encode(source, opcode, payload, final=part == count - 1, client=client))
            if source.random() < 0.3:
                payload = source.randbytes(source.randrange(126))
                frames.append(encode(source, source.choice([PING, PONG]), payload, client=client))
    if source.random() < 0.2:
        frames.append(encode(source, CLOSE, source.choice([b"", b"\x03\xe8", b"\x03\xe9away"]), client=client))
    return b"".join(frames)


def mutate(source: random.Random, stream: bytes) -> bytes:
    """Change, drop or add a few bytes, mostly near the beginnings of frames."""
    changed = bytearray(stream)
    for _ in range(source.randrange(1, 4)):
        place = source.randrange(len(changed)) if source.random() < 0.5 else source.randrange(min(16, len(changed)))
        action = source.random()
        if action < 0.7:
            changed[place] = source.randrange(256)
        elif action < 0.85 and len(changed) > 1:
            del changed[place]
        else:
            changed.insert(place, source.randrange(256))
    return bytes(changed)


def blocks_of(source: random.Random, stream: bytes) -> Iterator[bytes]:
    """The stream in pieces, some of them one byte."""
    place = 0
    while place < len(stream):
        size = source.choice([1, 2, 3, 17, 500, len(stream)])
        yield stream[place : place + size]
        place += size


def read_both(source: random.Random, stream: bytes, *, client: bool) -> tuple[FrameReader, Events, Oracle]:
    """Feed both the same pieces."""
    reader, oracle, events = FrameReader(server=not client), Oracle(client=client), []
    for block in blocks_of(source, stream):
        reader.feed(block)
        events += reader.events()
        oracle.feed(block)
    return reader, comparable(events, oracle), oracle


@pytest.mark.timeout(3600)
def test_good_streams_give_the_same_messages(seed: int) -> None:
    """Without a broken rule no message may be lost, however the stream is cut."""
    source = random.Random(seed)
    for _ in range(ROUNDS // 5):
        client = source.random() < 0.5
        stream = stream_of(source, client=client)
        reader, events, oracle = read_both(source, stream, client=client)
        assert reader.error is None
        assert not oracle.refused
        assert events == oracle.events


@pytest.mark.timeout(3600)
def test_mutated_streams_give_the_same_messages_or_both_refuse(seed: int) -> None:
    """A venue's broken byte must neither pass as data nor stop what was good before it."""
    source = random.Random(seed)
    for _ in range(ROUNDS):
        client = source.random() < 0.5
        stream = mutate(source, stream_of(source, client=client))
        reader, events, oracle = read_both(source, stream, client=client)
        assert events == oracle.events, stream[:64]
        if reader.error is not None and reader.error.code != TOO_LARGE:
            oracle.feed(bytes(70_000))  # the oracle judges later, when more of the frame is there
            assert oracle.refused, (reader.error, stream[:64])
        elif reader.error is None and not reader.closed:
            assert not oracle.refused, stream[:64]


def test_noise_never_crashes_and_never_grows(seed: int) -> None:
    """Bytes that are no WebSocket at all end in a fault or in waiting, within the limit."""
    source = random.Random(seed)
    for _ in range(ROUNDS):
        reader = FrameReader(limit=1 << 20, check_text=True)
        for block in blocks_of(source, source.randbytes(source.randrange(1, 400))):
            reader.feed(block)
            reader.events()
        assert len(memoryview(cast("bytearray", reader))) <= 3 << 20
