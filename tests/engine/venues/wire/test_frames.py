"""The frame codec against the RFC's rules, one by one, as Autobahn asks them."""

from typing import cast

import pytest

from engine.venues.wire.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NOT_TEXT,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_LARGE,
    FrameReader,
    FrameWriter,
    close_payload,
    describe_close,
)

SERVER = FrameWriter(server=True)


def as_buffer(reader: FrameReader) -> bytearray:
    """A reader that types as the buffer it is: a stub cannot express that below Python 3.12."""
    return cast("bytearray", reader)


def fault(stream: bytes, **options: bool | int) -> int:
    """The close code a stream earns, 0 for none."""
    reader = FrameReader(**options)  # type: ignore[arg-type]
    reader.feed(stream)
    reader.messages()
    return reader.error.code if reader.error else 0


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70000, 1 << 20])
def test_every_form_of_length_comes_back_as_it_was_sent(length: int) -> None:
    """A boundary off by one would lose the frame borders of a whole connection."""
    payload = bytes(index & 0xFF for index in range(length))
    reader = FrameReader()
    reader.feed(SERVER.encode(BINARY, payload))
    assert reader.messages() == [payload]
    assert reader.held == 0


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 125, 126, 65536])
def test_a_client_masks_and_a_server_unmasks(length: int) -> None:
    """Venues drop a client that does not mask, or masks wrongly."""
    payload = bytes(index & 0xFF for index in range(length))
    frame = FrameWriter().encode(TEXT, payload)
    assert frame[1] & 0x80
    reader = FrameReader(server=True)
    reader.feed(frame)
    assert reader.messages() == [payload]


def test_each_frame_has_a_mask_key_of_its_own() -> None:
    """One key for all would be no mask."""
    writer = FrameWriter()
    assert len({writer.encode(TEXT, b"")[2:6] for _ in range(1000)}) > 990


def test_fragments_become_one_message_with_pings_in_between() -> None:
    """Control frames may come between fragments and must not wait for the last of them."""
    reader = FrameReader()
    reader.feed(SERVER.encode(TEXT, b"one ", final=False) + SERVER.encode(PING, b"p"))
    assert reader.events() == [(PING, b"p")]
    reader.feed(SERVER.encode(CONTINUATION, b"", final=False) + SERVER.encode(CONTINUATION, b"two"))
    assert reader.events() == [(TEXT, b"one two")]
    reader.feed(SERVER.encode(BINARY, b"", final=False) + SERVER.encode(CONTINUATION, b""))
    assert reader.events() == [(BINARY, b"")]


def test_a_stream_split_at_every_byte_gives_the_same_messages() -> None:
    """A read ends wherever the network likes."""
    stream = SERVER.encode(TEXT, b"a" * 130) + SERVER.encode(PING, b"x") + SERVER.encode(TEXT, b"b" * 3)
    for split in range(len(stream) + 1):
        reader = FrameReader()
        reader.feed(stream[:split])
        found = reader.events()
        reader.feed(stream[split:])
        assert found + reader.events() == [(TEXT, b"a" * 130), (PING, b"x"), (TEXT, b"b" * 3)]


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"\xc1\x00", PROTOCOL_ERROR),  # a reserved bit
        (b"\x91\x00", PROTOCOL_ERROR),
        (b"\x83\x00", PROTOCOL_ERROR),  # opcodes without meaning
        (b"\x8b\x00", PROTOCOL_ERROR),
        (b"\x81\x80", PROTOCOL_ERROR),  # masked by a server
        (b"\x09\x00", PROTOCOL_ERROR),  # a ping in fragments
        (b"\x89\x7e", PROTOCOL_ERROR),  # a ping of more than 125 bytes
        (b"\x80\x00", PROTOCOL_ERROR),  # a continuation of nothing
        (b"\x01\x00\x81\x00", PROTOCOL_ERROR),  # a message inside a message
        (b"\x81\x7e\x00\x7d", PROTOCOL_ERROR),  # lengths longer than needed
        (b"\x81\x7f" + (65535).to_bytes(8, "big"), PROTOCOL_ERROR),
        (b"\x81\x7f" + (1 << 63).to_bytes(8, "big"), PROTOCOL_ERROR),
        (b"\x81\x7f" + (1 << 62).to_bytes(8, "big"), TOO_LARGE),
        (b"\x88\x01\x03", PROTOCOL_ERROR),  # half a close code
        (b"\x88\x04\x03\xe8\xff\xff", NOT_TEXT),  # a close reason that is no text
    ],
)
def test_a_broken_rule_is_a_fault_with_its_close_code(stream: bytes, code: int) -> None:
    """What breaks the rules has lost its frame borders: reading on would invent messages."""
    assert fault(stream) == code


def test_nothing_is_read_after_a_fault_or_a_close() -> None:
    """What follows a close is not part of the conversation."""
    reader = FrameReader()
    reader.feed(SERVER.encode(CLOSE, close_payload(1001, "bye")) + SERVER.encode(TEXT, b"late"))
    assert reader.events() == [(CLOSE, b"\x03\xe9bye")]
    assert reader.closed
    broken = FrameReader()
    broken.feed(SERVER.encode(TEXT, b"good") + b"\xc1\x00" + SERVER.encode(TEXT, b"late"))
    assert broken.messages() == [b"good"]
    assert broken.messages() == []
    assert broken.error is not None
    assert "reserved bits 100" in broken.error.reason


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
)
def test_close_codes_of_the_wire_pass(code: int) -> None:
    """Venues use the assigned ones and their own above 4000."""
    assert fault(SERVER.encode(CLOSE, close_payload(code))) == 0


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_close_codes_that_may_not_be_sent_are_refused(code: int) -> None:
    """1005 and 1006 mean that there was none."""
    assert fault(SERVER.encode(CLOSE, close_payload(code))) == PROTOCOL_ERROR


def test_the_limit_holds_for_one_frame_and_for_the_sum_of_fragments() -> None:
    """Memory must not grow with what a peer claims or trickles."""
    assert fault(SERVER.encode(TEXT, bytes(100)), limit=100) == 0
    assert fault(b"\x81\x7e\x00\xff", limit=100) == TOO_LARGE
    pieces = SERVER.encode(TEXT, bytes(60), final=False) + SERVER.encode(CONTINUATION, bytes(41))
    assert fault(pieces, limit=100) == TOO_LARGE


def test_a_message_of_five_megabytes_grows_the_buffer_once_for_all() -> None:
    """Coinbase's snapshot; the buffer must take the next ones without growing again."""
    frame = SERVER.encode(TEXT, b"x" * 5_000_000)
    reader = FrameReader()
    for _ in range(3):
        for begin in range(0, len(frame), 65536):
            reader.feed(frame[begin : begin + 65536])
        assert [len(message) for message in reader.messages()] == [5_000_000]
    assert len(memoryview(as_buffer(reader))) < 6_000_000


@pytest.mark.parametrize("text", ["", "plain", "κόσμε", "\U0010ffff", "ab" * 20 + "é" + "cd" * 20])
def test_text_passes_the_check_where_it_is_asked_for(text: str) -> None:
    """The check must not refuse a symbol or a name of another alphabet."""
    assert fault(SERVER.encode(TEXT, text.encode()), check_text=True) == 0


def test_every_sequence_of_three_bytes_is_judged_as_python_judges_it() -> None:
    """Python's own decoder decides about overlong forms, surrogates and cut sequences."""
    tails = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    for lead in range(256):
        for second in tails:
            for third in tails:
                text = bytes([lead, second, third, 0x80])[: 3 + (lead >= 0xF0)]
                assert (fault(SERVER.encode(TEXT, text), check_text=True) == 0) is is_text(text), text


def is_text(block: bytes) -> bool:
    """Python's verdict."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_pong_keeps_its_payload_and_a_close_its_words() -> None:
    """A reason cut in the middle of a character would be a fault of ours."""
    reader = FrameReader()
    reader.feed(SERVER.encode(PONG, b"1787733279756"))
    assert reader.messages() == []
    assert reader.controls == [(PONG, b"1787733279756")]
    long = close_payload(1002, "é" * 200)
    assert len(long) <= 125
    assert describe_close(long).startswith("1002 é")
    assert describe_close(b"") == "no code"


def test_a_buffer_lent_out_does_not_move() -> None:
    """A read into memory that was freed would be the end of the process."""
    reader = FrameReader()
    view = memoryview(as_buffer(reader))
    with pytest.raises(AssertionError, match="lent out"):
        reader.feed(bytes(len(view) + 1))
