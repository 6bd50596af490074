"""A recording in the place of a venue's network: the feed's own code asks, connects and reads, and never knows.

    files ──▶ Reel ──▶ ReplayPorts ──▶ Feed           entries in the order of the recording, each at its time
                          │ answers: REST bodies by path and symbol, held until they are asked for
                          └ frames: by connection, held until the feed has connected

The feed asks for what the recorded one asked for, a little earlier or later; so an answer waits for its question and a
frame for its stream. What no recording holds is refused at once, and the feed goes on as it does without a REST side.
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
HELD_MAX = 200_000  # frames of a connection that the feed has not taken up
NEVER = 1 << 62

Key = tuple[str, str]  # an answer's path and symbol


def key_of(target: str) -> Key:
    """What an answer is known by: limits and other parameters may differ from those recorded."""
    parts = urlsplit(target)
    return parts.path, parse_qs(parts.query).get("symbol", [""])[0]


class Reel:
    """The entries of one venue's files, in order, a block ahead."""

    def __init__(self, files: Iterable[Path], kind: str, venue: str, dialect: Dialect, symbols: Iterable[str]) -> None:
        """Open at the beginning; `venue` chooses among those of a recording that holds several."""
        self._dialect, self._first = dialect, next(iter(symbols), "")
        self._blocks = self._read(files, kind, venue)
        self._block: list[Entry] = []
        self._place = 0
        self.error = ""
        self.next_ns = NEVER  # when the next entry was recorded; NEVER at the end
        self._advance(0)

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._place == len(self._block)

    def take(self) -> Entry:
        """The next entry."""
        entry = self._block[self._place]
        self._advance(self._place + 1)
        return entry

    @property
    def next_kind(self) -> int:
        """What the next entry is."""
        return self._block[self._place][2]

    def take_frames(self, until_ns: int, limit: int) -> tuple[int, TimedFrames]:
        """The frames that the next connection received in a row, and which connection it is."""
        number, frames = self._block[self._place][1], TimedFrames()
        self._advance(gather(self._block, self._place, until_ns, limit, frames, frames.times))
        return number, frames

    def _advance(self, place: int) -> None:
        """Go on; files that cannot be read further end here and `error` says why."""
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
        """Another format has one connection, and books among its frames; one that names no symbol is of the first."""
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
        """Connecting, until the recording comes to a connection that had the same part."""
        self.part = part
        self.state = PortState.CONNECTING
        self.error = ""
        self.receive_ns = 0
        self._ports = ports
        self._inbox = TimedFrames()
        self._ended: str | None = None

    def open(self, inbox: TimedFrames, ended: str | None) -> None:
        """Begin with what came before the feed was there."""
        self.state, self._inbox, self._ended = PortState.OPEN, inbox, ended

    def put(self, frames: TimedFrames) -> None:
        """Frames are due."""
        if self._inbox:
            self._inbox.join(frames)
        else:
            self._inbox = frames

    def end(self, reason: str) -> None:
        """The connection is gone, behind the frames that wait."""
        self._ended = reason

    def poll(self, now_ns: int) -> list[bytes]:
        """What is due; the end shows when there is nothing left.

        Pings are not recorded, so a connection that nothing says the end of is taken to live.
        """
        inbox = self._inbox
        self.receive_ns = inbox.times[-1] if inbox else now_ns
        if inbox:
            self._inbox = TimedFrames()
        elif self._ended is not None and self.state is PortState.OPEN:
            self.state, self.error = PortState.CLOSED, self._ended
        return inbox

    def send(self, payload: bytes) -> bool:
        """Nobody hears it."""
        del payload
        return self.state is PortState.OPEN

    def close(self) -> None:
        """Let go of the recorded connection, which another stream may take up."""
        if self.state is not PortState.CLOSED:
            self.state = PortState.CLOSED
            self._ports.leave(self, self._inbox, self._ended)


class ReplayRequests(RequestDefaults):
    """A `RequestPort` on recorded answers."""

    def __init__(self, known: set[str]) -> None:
        """`known`: the paths to which the recording has an answer somewhere."""
        self._known = known
        self._held: dict[Key, bytes] = {}
        self._asked: dict[Key, int] = {}
        self._ready: list[Response] = []
        self._count = 0

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Answer from what was held, wait for what may come, refuse what nobody recorded."""
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
        """An answer is due: to the question that waits, or to the next one."""
        number = self._asked.pop(key, 0)
        if number:
            self._ready.append(Response(number, OK, {}, body))
        else:
            self._held[key] = body

    def poll(self, now_ns: int) -> list[Response]:
        """Answers that are due."""
        del now_ns
        ready, self._ready = self._ready, []
        return ready

    def close(self) -> None:
        """Nothing to close."""


class Recorded:
    """A connection of the recording: who follows it, or what waits for somebody to."""

    def __init__(self, number: int, part: str) -> None:
        """Nobody yet; `part` is what stood behind its target's #."""
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
        self._requests = ReplayRequests(known)
        self._connections: dict[int, Recorded] = {}
        self._free: deque[Recorded] = deque()  # nobody follows them
        self._waiting: deque[ReplayStream] = deque()  # they follow nothing yet

    def stream(self, target: str) -> ReplayStream:
        """Follow the oldest connection that nobody follows, or the next one to come."""
        made = ReplayStream(self, urlsplit(target).fragment)
        self._waiting.append(made)
        self._match()
        return made

    def requests(self) -> ReplayRequests:
        """The recorded REST side."""
        return self._requests

    def deliver(self, until_ns: int) -> int:
        """Hand over what was recorded up to a time, until something must be seen before what follows; the last time.

        A feed reads answers before frames, so an answer that follows frames waits for the next call.
        """
        reel, count, last_ns = self.reel, 0, 0
        while reel.next_ns <= until_ns and count < FRAMES_AT_ONCE and not reel.ended:
            if reel.next_kind == RECEIVED:
                number, frames = reel.take_frames(until_ns, FRAMES_AT_ONCE)
                count += len(frames)
                last_ns = max(last_ns, frames.times[-1])
                self._put(number, frames)
            elif count:
                break
            else:
                time_ns, number, kind, payload = reel.take()
                last_ns = max(last_ns, time_ns)
                self._take_other(number, kind, payload)
        self.frames += count
        return last_ns

    def leave(self, stream: ReplayStream, inbox: TimedFrames, ended: str | None) -> None:
        """A stream is closed by the feed: what it followed goes on, unless that had ended."""
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

    def _take_other(self, number: int, kind: int, payload: bytes) -> None:
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
        elif not one.inbox:  # it never stood
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
