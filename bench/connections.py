"""Two dozen connections into one feed process at 100 000 messages a second, and what of it is lost.

    python -m bench.connections [--long] [--json]        five seconds; --long: sixty

    core 0   this process: 24 venues of one connection each, in turns, paced; it reads TICKS as a consumer does
    core 1   python -m engine.runtime: the feed role alone, with 24 venues

Half of the messages are changes of a book, half are trades. Trades are numbered, so one that is missing among the
ticks is a loss; changes form a chain, so one that is missing makes a book suspect. `lost` counts both.
"""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

import shm
from bench import machine
from bench.wire_to_tick import CONFIG, PATIENCE_S, VENUE, Rest, accept, drain, start
from engine.config import Config, load
from engine.lanes import lane_of
from engine.model.words import BookState, TickKind
from engine.supervisor import segments
from engine.venues.wire.frames import TEXT, FrameWriter

CONNECTIONS = 24
RATE = 100_000
EVENTS = 5  # changes, and as many trades, in what a connection is sent at once
SECONDS, LONG_SECONDS = 5, 60
SYNC_EVENTS = 200  # to find the books good
STAMPS = '"E":1723161255308,"T":1723161255308,"s":"BTCUSDT"'


def message_pair(number: int) -> tuple[bytes, bytes]:
    """A change of one level, and a trade."""
    price, size = f"{59_999.99 - number % 10 / 100:.8f}", f"{1 + number % 1000 / 1000:.8f}"
    return (
        f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate",{STAMPS},"U":{100 + number},"u":{100 + number},'
        f'"b":[["{price}","{size}"]],"a":[]}}}}'.encode(),
        f'{{"stream":"btcusdt@trade","data":{{"e":"trade",{STAMPS},"t":{number},"p":"{price}","q":"{size}","m":true}}}}'
        .encode(),
    )  # fmt: skip


def blocks(first: int, count: int) -> list[bytes]:
    """The frames of so many events, in blocks that are sent at once; server frames bear no mask, so all share them."""
    encode = FrameWriter(server=True).encode
    frames = [b"".join(encode(TEXT, one) for one in message_pair(number)) for number in range(first, first + count)]
    return [b"".join(frames[at : at + EVENTS]) for at in range(0, count, EVENTS)]


class Audit:
    """What a consumer of the ticks sees of every venue."""

    def __init__(self, config: Config) -> None:
        """Read from here on."""
        self.ticks = shm.RingReader(config.lane("ticks", "feed"))
        drain(self.ticks)
        self.trades: list[list[np.ndarray]] = [[] for _ in range(CONNECTIONS)]
        self.overrun = self.suspects = self.lag_max = 0

    def look(self) -> None:
        """Read the new ticks."""
        self.lag_max = max(self.lag_max, self.ticks.end - self.ticks.cursor)
        missing, rows = self.ticks.copy()
        self.overrun += missing
        self.suspects += int(((rows["kind"] == TickKind.STATE) & (rows["detail"] != BookState.GOOD)).sum())
        trades = rows[rows["kind"] == TickKind.PRINT]
        for number in range(CONNECTIONS):
            self.trades[number].append(trades["detail"][trades["instrument"] == number + 1].copy())

    def count(self, first: int, last: int) -> tuple[int, int]:
        """Trades published in their order, and trades lost."""
        published = lost = 0
        for each in self.trades:
            numbers = np.concatenate(each)
            published += len(numbers)
            lost += last + 1 - first - len(np.unique(numbers))
            assert (np.diff(numbers) > 0).all(), "a trade came twice or out of its turn"
        return published, lost

    def is_whole(self, last: int) -> bool:
        """Whether the last trade of every venue is there."""
        self.look()
        return all(any(len(part) and part[-1] == last for part in reversed(each)) for each in self.trades)


def become_good(connections: list[socket.socket], config: Config) -> None:
    """Send changes until every book is good; the last of them is the first event of no measurement."""
    tops = shm.CellReader(config.lane("book_tops", "feed"))
    for block in blocks(1, SYNC_EVENTS):
        for connection in connections:
            connection.sendall(block)
        time.sleep(0.05)
    deadline = time.monotonic() + PATIENCE_S
    while not all((top := tops.read(slot)) and top.state == BookState.GOOD for slot in range(CONNECTIONS)):
        if time.monotonic() > deadline:
            raise SystemExit("the feed's books did not become good")
        time.sleep(0.01)


def exchange(connections: list[socket.socket], audit: Audit, seconds: int, rate: int) -> dict[str, Any]:
    """Send at the rate, and read the published ticks."""
    rounds = seconds * rate // (CONNECTIONS * 2 * EVENTS)
    first, last = SYNC_EVENTS + 1, SYNC_EVENTS + rounds * EVENTS
    made, clock = blocks(first, rounds * EVENTS), time.perf_counter_ns
    share_ns = 2 * EVENTS * 1_000_000_000 // rate
    begin = due = clock()
    for block in made:
        for connection in connections:
            while clock() < due:
                pass
            connection.sendall(block)
            due += share_ns
        audit.look()
    sent_ns, deadline = clock() - begin, time.monotonic() + PATIENCE_S
    while not audit.is_whole(last) and time.monotonic() < deadline:
        time.sleep(0.001)
    whole_ns = clock() - begin
    published, lost = audit.count(first, last)
    sent = rounds * CONNECTIONS * 2 * EVENTS
    return {
        "connections": CONNECTIONS, "rate_asked_per_s": rate, "rate_per_s": int(sent * 1e9 / sent_ns),
        "rate_published_per_s": int(sent * 1e9 / whole_ns), "sent": sent, "trades_published": published,
        "lost": lost + audit.suspects + audit.overrun, "lag_max": audit.lag_max, "lag_bound": lane_of("ticks").capacity,
    }  # fmt: skip


def measure(seconds: int = SECONDS, rate: int = RATE) -> dict[str, Any]:
    """One run of a feed of its own."""
    ours, theirs = machine.pair()
    place, cores = Path(tempfile.mkdtemp(prefix="steelyard-bench-")), os.sched_getaffinity(0)
    os.environ.update(STEELYARD_RUN_DIRECTORY=str(place), STEELYARD_STATE_DIRECTORY=str(place))
    rest, listener = ThreadingHTTPServer(("127.0.0.1", 0), Rest), socket.create_server(("127.0.0.1", 0), backlog=64)
    listener.settimeout(PATIENCE_S)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    ports = {"stream": listener.getsockname()[1], "request": rest.server_address[1]}
    venues = "".join(VENUE.format(number=number, **ports) for number in range(1, CONNECTIONS + 1))
    file = place / "feed.toml"
    file.write_text(CONFIG.format(name=f"bench{os.getpid()}", venues=venues, core=theirs))
    config = load(file)
    config.paths.make()
    segments.create(config)
    feed = start(file)
    connections: list[socket.socket] = []
    try:
        os.sched_setaffinity(0, {ours})
        connections += [accept(listener) for _ in range(CONNECTIONS)]
        become_good(connections, config)
        rest.shutdown()
        return exchange(connections, Audit(config), seconds, rate)
    finally:
        os.sched_setaffinity(0, cores)
        feed.terminate()
        feed.wait()
        for each in (*connections, listener):
            each.close()
        rest.server_close()
        segments.remove(config)
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="a whole minute")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    result = {"machine": machine.describe(), **measure(LONG_SECONDS if options.long else SECONDS)}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))
