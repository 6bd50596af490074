"""A recording in the place of a venue's network: the feed requests, connects and reads as it does from a venue.

    files ──▶ Reel ──▶ ReplayPorts ──▶ Feed           entries in the order of the recording, each at its time
                          │ answers: REST bodies by path and symbol, held until they are requested
                          └ frames: by connection, held until the feed has connected

The feed sends the requests of the recorded feed, a little earlier or later. So an answer waits for its request, and a
frame for its stream. A request without a recorded answer fails at once, and the feed continues as without a REST side.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson

from engine.feed.capture.check import book_of
from engine.feed.capture.entries import gather
from engine.feed.capture.formats import OK, read_capture, split_response
from engine.feed.capture.recording import Entry, is_recording, read_blocks
from engine.model.words import FrameKind
from engine.venues.dialect import Dialect
from engine.venues.port import PortState, RequestDefaults, Response, StreamDefaults, TimedFrames

RECEIVED, BEGIN, CLOSED, RESPONSE, LOST = (
    int(kind) for kind in (FrameKind.RECEIVED, FrameKind.BEGIN, FrameKind.CLOSED, FrameKind.RESPONSE, FrameKind.LOST)
)
FRAMES_AT_ONCE = 256
BLOCK_ENTRIES = 1024  # of a file that has no blocks of its own
HELD_MAX = 200_000  # frames of a connection that no stream of the feed follows
NEVER = 1 << 62

Key = tuple[str, str]  # an answer's path and symbol


def key_of(target: str) -> Key:
    """Return the key of an answer; limits and other parameters may differ from the recorded ones."""
    parts = urlsplit(target)
    return parts.path, parse_qs(parts.query).get("symbol", [""])[0]


class Reel:
    """The entries of one venue's files, in order, a block ahead."""

    def __init__(self, files: Iterable[Path], kind: str, venue: str, dialect: Dialect, symbols: Iterable[str]) -> None:
        """Open at the beginning; `venue` selects one of a recording with several."""
        self._dialect, self._first = dialect, next(iter(symbols), "")
        self._blocks = self._read(files, kind, venue)
        self._block: list[Entry] = []
        self._place = 0
        self.error = ""
        self.next_ns = NEVER  # when the next entry was recorded; NEVER at the end
        self._advance(0)

    @property
    def ended(self) -> bool:
        """Whether there is no entry left."""
        return self._place == len(self._block)

    def next_entry(self) -> Entry:
        """Return the next entry and move past it."""
        entry = self._block[self._place]
        self._advance(self._place + 1)
        return entry

    @property
    def next_kind(self) -> int:
        """The kind of the next entry."""
        return self._block[self._place][2]

    def next_frames(self, until_ns: int, limit: int) -> tuple[int, TimedFrames]:
        """Return the connection of the next entry, and the frames that it received in a row."""
        number, frames = self._block[self._place][1], TimedFrames()
        self._advance(gather(self._block, self._place, until_ns, limit, frames, frames.times))
        return number, frames

    def _advance(self, place: int) -> None:
        """Move to an entry; where the files cannot be read further, end and set `error`."""
        try:
            while place == len(self._block) and (block := next(self._blocks, None)) is not None:
                self._block, place = block, 0
        except ValueError as error:
            self.error = str(error)
        self._place = place
        self.next_ns = self._block[place][0] if place < len(self._block) else NEVER

    def _read(self, files: Iterable[Path], kind: str, venue: str) -> Iterator[list[Entry]]:
        for path in files:
            if kind == "steelyard" or (not kind and is_recording(path)):
                yield from read_blocks(path, venue)
                continue
            entries = self._translate(path, kind)
            while block := list(islice(entries, BLOCK_ENTRIES)):
                yield block

    def _translate(self, path: Path, kind: str) -> Iterator[Entry]:
        """Read another format: one connection, and books among its frames; one without a name is the first symbol's."""
        dialect = self._dialect
        for piece in read_capture(path, kind, dialect.name):
            if piece.sent:
                continue
            book = book_of(dialect, piece)
            if piece.url or book is not None:
                target = piece.url or dialect.snapshot_target(book or self._first, 0)
                yield piece.time_ns, 0, RESPONSE, f"{OK} {target}\n".encode() + piece.payload
            else:
                yield piece.time_ns, 0, RECEIVED, piece.payload


class ReplayStream(StreamDefaults):
    """A `StreamPort` on one recorded connection."""

    recorded = True  # the subscription was made then; its acknowledgement may be missing in the recording

    def __init__(self, ports: "ReplayPorts", part: str) -> None:
        """Connect when the recording reaches a connection with the same part."""
        self.part = part
        self.state = PortState.CONNECTING
        self.error = ""
        self.receive_ns = 0
        self._ports = ports
        self._inbox = TimedFrames()
        self._ended: str | None = None

    def open(self, inbox: TimedFrames, ended: str | None) -> None:
        """Open with the frames that came before the feed connected."""
        self.state, self._inbox, self._ended = PortState.OPEN, inbox, ended

    def put(self, frames: TimedFrames) -> None:
        """Add frames that are due."""
        if self._inbox:
            self._inbox.join(frames)
        else:
            self._inbox = frames

    def end(self, reason: str) -> None:
        """End the connection after the frames that are due."""
        self._ended = reason

    def poll(self, now_ns: int) -> list[bytes]:
        """Return the frames that are due; the state is CLOSED when no frame is left after the end.

        Pings are not recorded, so a connection without a recorded end counts as alive.
        """
        inbox = self._inbox
        self.receive_ns = inbox.times[-1] if inbox else now_ns
        if inbox:
            self._inbox = TimedFrames()
        elif self._ended is not None and self.state is PortState.OPEN:
            self.state, self.error = PortState.CLOSED, self._ended
        return inbox

    def send(self, payload: bytes) -> bool:
        """Drop the message: a recording does not answer."""
        del payload
        return self.state is PortState.OPEN

    def close(self) -> None:
        """Release the recorded connection; another stream may follow it."""
        if self.state is not PortState.CLOSED:
            self.state = PortState.CLOSED
            self._ports.release(self, self._inbox, self._ended)


class ReplayRequests(RequestDefaults):
    """A `RequestPort` on recorded answers."""

    def __init__(self, known: set[str]) -> None:
        """`known`: the paths for which the recording has an answer."""
        self._known = known
        self._held: dict[Key, bytes] = {}
        self._asked: dict[Key, int] = {}
        self._ready: list[Response] = []
        self._count = 0

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Answer from the held answers, wait for an answer that may come, or fail if the recording has no answer."""
        del method, headers, body, now_ns
        self._count += 1
        key = key_of(target)
        if key in self._held:
            self._ready.append(Response(self._count, OK, {}, self._held.pop(key)))
        elif key[0] in self._known:
            self._asked[key] = self._count
        else:
            self._ready.append(Response(self._count, 0, {}, b"", f"not sent: the recording holds no {key[0]}"))
        return self._count

    def put(self, key: Key, body: bytes) -> None:
        """Add an answer that is due, for the pending request or the next one."""
        number = self._asked.pop(key, 0)
        if number:
            self._ready.append(Response(number, OK, {}, body))
        else:
            self._held[key] = body

    def poll(self, now_ns: int) -> list[Response]:
        """Return the answers that are due."""
        del now_ns
        ready, self._ready = self._ready, []
        return ready

    def close(self) -> None:
        """Nothing to close."""


class Recorded:
    """A connection of the recording: the stream that follows it, or the frames that wait for one."""

    def __init__(self, number: int, part: str) -> None:
        """Begin without a stream; `part` is the text after `#` in its target."""
        self.number, self.part = number, part
        self.stream: ReplayStream | None = None
        self.inbox = TimedFrames()
        self.ended: str | None = None


class ReplayPorts:
    """The ports of one venue's feed over a reel."""

    def __init__(self, reel: Reel, known: set[str]) -> None:
        """At the reel's beginning."""
        self.reel = reel
        self.frames = self.lost_marks = self.passed_over = 0
        self.shift_ns = 0  # is added to the times at which frames were received
        self._requests = ReplayRequests(known)
        self._connections: dict[int, Recorded] = {}
        self._free: deque[Recorded] = deque()  # no stream follows them
        self._waiting: deque[ReplayStream] = deque()  # they follow no connection yet

    def stream(self, target: str) -> ReplayStream:
        """Return a stream for the oldest connection without one, or for the next one to come."""
        made = ReplayStream(self, urlsplit(target).fragment)
        self._waiting.append(made)
        self._match()
        return made

    def requests(self) -> ReplayRequests:
        """Return the recorded REST side."""
        return self._requests

    def deliver(self, until_ns: int) -> int:
        """Deliver what was recorded up to a time, or less; return the time of the last entry.

        A feed reads answers before frames, so an answer that follows frames waits for the next call.
        """
        reel, count, last_ns = self.reel, 0, 0
        while reel.next_ns <= until_ns and count < FRAMES_AT_ONCE and not reel.ended:
            if reel.next_kind == RECEIVED:
                number, frames = reel.next_frames(until_ns, FRAMES_AT_ONCE)
                count += len(frames)
                last_ns = max(last_ns, frames.times[-1])
                if self.shift_ns:
                    frames.times = [one + self.shift_ns for one in frames.times]
                self._put(number, frames)
            elif count:
                break
            else:
                time_ns, number, kind, payload = reel.next_entry()
                last_ns = max(last_ns, time_ns)
                self._apply_other(number, kind, payload)
        self.frames += count
        return last_ns

    def release(self, stream: ReplayStream, inbox: TimedFrames, ended: str | None) -> None:
        """Free the connection of a stream that the feed closed, unless the connection had ended."""
        if stream in self._waiting:
            self._waiting.remove(stream)
        one = next((one for one in self._connections.values() if one.stream is stream), None)
        if one is None or ended is not None:
            return
        one.stream, one.inbox = None, inbox
        self._free.appendleft(one)
        self._match()

    def _put(self, number: int, frames: TimedFrames) -> None:
        one = self._connections.get(number) or self._begin(number)
        if one.stream is not None:
            one.stream.put(frames)
            return
        one.inbox.join(frames)
        if len(one.inbox) > HELD_MAX:
            self.passed_over += HELD_MAX // 2
            one.inbox = TimedFrames(one.inbox[HELD_MAX // 2 :], one.inbox.times[HELD_MAX // 2 :])

    def _apply_other(self, number: int, kind: int, payload: bytes) -> None:
        if kind == RESPONSE:
            status, target, body = split_response(payload)
            if status == OK:
                self._requests.put(key_of(target), body)
        elif kind == BEGIN and number not in self._connections and orjson.loads(payload)["target"]:
            self._begin(number, urlsplit(orjson.loads(payload)["target"]).fragment)
        elif kind == CLOSED and number in self._connections:
            self._close(number, payload.decode())
        self.lost_marks += kind == LOST

    def _begin(self, number: int, part: str = "") -> Recorded:
        one = self._connections[number] = Recorded(number, part)
        self._free.append(one)
        self._match()
        return one

    def _close(self, number: int, reason: str) -> None:
        one = self._connections[number]
        one.ended = reason
        if one.stream is not None:
            one.stream.end(reason)
            del self._connections[number]
        elif not one.inbox:  # the feed never connected to it
            self._free.remove(one)
            del self._connections[number]

    def _match(self) -> None:
        for stream in list(self._waiting):
            one = next((one for one in self._free if one.part == stream.part), None)
            if one is None:
                continue
            self._free.remove(one)
            self._waiting.remove(stream)
            one.stream = stream
            stream.open(one.inbox, one.ended)
            one.inbox = TimedFrames()
            if one.ended is not None:
                del self._connections[one.number]
