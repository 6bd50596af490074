"""The loop over TLS records, straight through OpenSSL and by Python's `ssl`: both must read the same stream."""

import contextlib
import random
import ssl
import threading
from pathlib import Path

import pytest

from engine.venues.wire.frames import TEXT, FrameReader, FrameWriter
from engine.venues.wire.records import DIRECT, Records

HOST = "localhost"
RECORD_ROOM = 5 + 256 + 1024  # the header, and more than the tag of a record of 1 KB


class Conversation:
    """A client's records and a server's TLS engine, with nothing but memory between them."""

    def __init__(self, certificate: tuple[Path, Path], *, direct: bool, version: ssl.TLSVersion) -> None:
        """Shake hands."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(*certificate)
        client = ssl.create_default_context(cafile=str(certificate[0]))
        client.maximum_version = version
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.records = Records(client, self.to_client, self.to_server, HOST, direct)
        self.server = server.wrap_bio(self.to_server, self.to_client, server_side=True)
        self.reader = FrameReader()
        for engine in (self.records.engine, self.server) * 2:
            try:
                engine.do_handshake()
            except ssl.SSLWantReadError:
                continue

    def decrypt(self) -> list[bytes]:
        """All payloads in the records, in whichever way the loop asks for more bytes."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.records.decrypt(self.reader)
        return self.reader.messages()

    def send(self, *payloads: bytes) -> None:
        """One record a message, as a venue sends."""
        writer = FrameWriter(server=True)
        for payload in payloads:
            self.server.write(writer.encode(TEXT, payload))


@pytest.fixture(params=[True, False], ids=["direct", "by python"])
def direct(request: pytest.FixtureRequest) -> bool:
    """Both ways, where there are both."""
    if request.param and not DIRECT:
        pytest.skip("this Python has OpenSSL built in: its functions cannot be found by name")
    return bool(request.param)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def conversation(request: pytest.FixtureRequest, certificate: tuple[Path, Path], direct: bool) -> Conversation:
    """A conversation whose hands are shaken."""
    return Conversation(certificate, direct=direct, version=request.param)


def test_many_records_come_in_one_call_and_in_order(conversation: Conversation, *, direct: bool) -> None:
    """A block of the socket is a burst of the market."""
    assert conversation.records.direct is direct
    sent = [b"%d" % number * 100 for number in range(300)]
    conversation.send(*sent)
    assert conversation.decrypt() == sent
    assert conversation.decrypt() == []


def test_a_stream_cut_anywhere_is_read_whole(conversation: Conversation, seed: int) -> None:
    """A socket's block ends in the middle of a record, of its header too."""
    draw = random.Random(seed)
    sent = [draw.randbytes(draw.choice((1, 100, 1024, 16_000, 70_000))) for _ in range(60)]
    conversation.send(*sent)
    cipher = conversation.to_client.read()
    received: list[bytes] = []
    while cipher:
        count = draw.choice((1, 3, 5, 100, 20_000, 64_000))
        conversation.to_client.write(cipher[:count])
        cipher = cipher[count:]
        received += conversation.decrypt()
    assert received == sent


def test_a_goodbye_comes_after_the_last_record(conversation: Conversation) -> None:
    """What was sent before the end is not lost with it."""
    conversation.send(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        conversation.server.unwrap()
    with pytest.raises(ssl.SSLZeroReturnError):
        conversation.records.decrypt(conversation.reader)
    assert conversation.reader.messages() == [b"last"]


def test_a_forged_record_is_an_error_in_openssls_words(conversation: Conversation) -> None:
    """Nothing of a record whose tag is wrong may reach a book; what came whole before it does."""
    conversation.send(b"true", b"x" * 1024)
    cipher = bytearray(conversation.to_client.read())
    cipher[-RECORD_ROOM // 2] ^= 1
    conversation.to_client.write(cipher)
    with pytest.raises(ssl.SSLError, match=r"(?i)bad.record.mac"):
        conversation.records.decrypt(conversation.reader)
    assert conversation.reader.messages() == [b"true"]


@pytest.mark.skipif(not DIRECT, reason="this Python has OpenSSL built in")
def test_each_thread_finds_its_own_connection(certificate: tuple[Path, Path]) -> None:
    """A connection's records opened with another's keys would be the end of both."""
    wrong: list[int] = []

    def talk(number: int) -> None:
        for turn in range(20):
            one = Conversation(certificate, direct=True, version=ssl.TLSVersion.TLSv1_3)
            one.send(b"%d %d" % (number, turn))
            if one.decrypt() != [b"%d %d" % (number, turn)] or not one.records.direct:
                wrong.append(number)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
