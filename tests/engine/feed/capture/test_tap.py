"""FRAMES holds the bytes between feed and venue unchanged, and no secret."""

import json
from collections.abc import Iterator

import pytest

from engine.feed.capture.recorder import Recorder
from engine.feed.capture.recording import Entry
from engine.feed.capture.tap import TappedRequests, TappedStream
from engine.model.records import FRAME
from engine.model.words import FrameKind
from engine.venues.port import PortState
from tests.engine.feed.capture.lanes import Tapped, tapped
from tests.engine.feed.feed_fakes import FakeRequests, FakeStream

PIECE = FRAME.fields[-1].size
LARGE = 5 << 20  # a snapshot of Coinbase's


@pytest.fixture
def lanes() -> Iterator[Tapped]:
    """The lanes of a feed."""
    with tapped() as made:
        yield made


def entries(recorder: Recorder) -> list[Entry]:
    """Everything that the recorder can see."""
    from engine.feed.capture.entries import unpack

    while True:
        _, records = recorder.reader.copy()
        if not len(records):
            return unpack(recorder.assembler.remove_whole()[0], {}, lambda _: True)
        recorder.assembler.assemble(records.view("u1"))


def recorded(recorder: Recorder) -> list[tuple[FrameKind, bytes]]:
    """Kind and payload of each."""
    return [(FrameKind(kind), payload) for _, _, kind, payload in entries(recorder)]


def test_frames_are_handed_on_unchanged_and_recorded_byte_for_byte(lanes: Tapped) -> None:
    """The feed must not notice, and the recording must be what the venue sent: no text, no trimming."""
    recorder = Recorder(lanes.system)
    port = FakeStream("/stream")
    stream = TappedStream(port, lanes.tap, "main", "binance", "/stream", 5)
    frames = [b"", b"x", b"\0" * PIECE, b"\xff\0" * 300, bytes(range(256)) * 9]
    port.inbox.extend(frames)
    assert stream.poll(77) == frames
    assert entries(recorder)[1:] == [(77, stream_number(recorder), FrameKind.RECEIVED, frame) for frame in frames]


def stream_number(recorder: Recorder) -> int:
    """The one connection."""
    [number] = recorder.connections.open
    return number


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, LARGE])
def test_a_frame_of_any_size_passes(lanes: Tapped, size: int) -> None:
    """A snapshot of megabytes is longer than what one publish may hold, and a boundary is where a byte gets lost."""
    recorder = Recorder(lanes.system)
    frame = bytes(number * 7 & 255 for number in range(1000)) * (size // 1000 + 1)
    lanes.tap.write(1, FrameKind.RECEIVED, frame[:size], 1)
    assert recorded(recorder)[-1] == (FrameKind.RECEIVED, frame[:size])


def test_a_connection_is_recorded_from_its_beginning_to_its_end(lanes: Tapped) -> None:
    """Without its target a connection cannot be replayed, without its end a lost one looks quiet."""
    recorder = Recorder(lanes.system)
    port = FakeStream("/stream")
    stream = TappedStream(port, lanes.tap, "main", "binance", "/stream?x=1", 5)
    stream.send(b'{"method":"SUBSCRIBE"}')
    port.state, port.error = PortState.CLOSED, "reset by the peer"
    assert stream.state is stream.state is PortState.CLOSED
    stream.close()
    kinds, payloads = zip(*recorded(recorder), strict=True)
    assert kinds == (FrameKind.BEGIN, FrameKind.SENT, FrameKind.CLOSED)
    assert json.loads(payloads[0]) == {"venue": "main", "dialect": "binance", "target": "/stream?x=1"}
    assert payloads[1:] == (b'{"method":"SUBSCRIBE"}', b"reset by the peer")


def test_no_header_and_no_body_of_a_request_is_recorded(lanes: Tapped) -> None:
    """Keys travel there, and a recording is handed round."""
    recorder = Recorder(lanes.system)
    port = FakeRequests({"/depth": {"lastUpdateId": 1}})
    requests = TappedRequests(port, lanes.tap, "main", "binance", 5)
    requests.request("GET", "/depth?symbol=BTCUSDT", {"X-MBX-APIKEY": "hidden"}, b"hidden", 6)
    [answer] = requests.poll(7)
    found = recorded(recorder)
    assert not any(b"hidden" in payload for _, payload in found)
    assert found[1:] == [
        (FrameKind.REQUEST, b"GET /depth?symbol=BTCUSDT"),
        (FrameKind.RESPONSE, b"200 /depth?symbol=BTCUSDT\n" + answer.body),
    ]


def test_a_failed_request_is_recorded_with_its_reason(lanes: Tapped) -> None:
    """A recording of a bad hour must show why there was no book."""
    recorder = Recorder(lanes.system)
    port = FakeRequests({"/depth": None}, status=503)
    requests = TappedRequests(port, lanes.tap, "main", "binance", 5)
    requests.request("GET", "/depth", {}, b"", 6)
    requests.poll(7)
    assert recorded(recorder)[-1] == (FrameKind.RESPONSE, b"503 /depth\nnull")


def test_a_recorder_that_comes_later_reads_the_connections_from_their_cells(lanes: Tapped) -> None:
    """Its beginning may have left the ring hours ago."""
    number = lanes.tap.begin("main", "binance", "/stream", 5)
    recorder = Recorder(lanes.system)
    recorder.reader.cursor = recorder.reader.end
    lanes.tap.write(number, FrameKind.RECEIVED, b"late", 9)
    [begin, frame] = recorded(recorder)
    assert json.loads(begin[1]) == {"venue": "main", "dialect": "binance", "target": "/stream", "joined": True}
    assert frame == (FrameKind.RECEIVED, b"late")
    assert recorder.connections.joined == 1


def test_a_rehearsed_frame_is_not_recorded(lanes: Tapped) -> None:
    """A recording with a frame that never came would replay another market; the next number must stay the next."""
    recorder = Recorder(lanes.system)
    port = FakeStream("/stream")
    stream = TappedStream(port, lanes.tap, "main", "binance", "/stream", 5)
    for size in (1, PIECE, 4096, LARGE):
        stream.rehearse(b"r" * size)
    port.inbox.append(b"true")
    assert stream.poll_if_changed(9) == [b"true"]
    stream.rehearse(b"r" * 500)
    assert recorded(recorder)[1:] == [(FrameKind.RECEIVED, b"true")]
    assert lanes.tap.count == 2
