"""What the market data benches run on: recorded Binance traffic, and a 20-level diff made after it."""

import gzip
import json
import os
import random
import struct
from pathlib import Path
from typing import Any

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures")) / "binance"
SPOT = ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz")
USDM = ("usdm_btcusdt_20240808.gz",)
TIME_US = 1_723_161_255_308_000
SNAPSHOT = b'{"lastUpdateId"'


def recorded(names: tuple[str, ...], limit: int = 1 << 60) -> tuple[bytes, list[bytes]]:
    """The snapshot and the frames of recorded files, as one session."""
    snapshot, frames = b"", []
    for name in names:
        for line in gzip.decompress((CAPTURES / name).read_bytes()).splitlines():
            frame = line.partition(b" ")[2].rstrip()
            if frame.startswith(SNAPSHOT):
                snapshot = frame
            elif len(frames) < limit:
                frames.append(frame)
    return snapshot, frames


def made_snapshot(levels: int = 1000) -> bytes:
    """A book of this many levels a side around 60 000."""
    bids = ",".join(f'["{60000 - i / 100:.2f}000000","1.00000000"]' for i in range(1, levels + 1))
    asks = ",".join(f'["{60000 + i / 100:.2f}000000","1.00000000"]' for i in range(1, levels + 1))
    return f'{{"lastUpdateId":100,"bids":[{bids}],"asks":[{asks}]}}'.encode()


def made_diffs(count: int, seed: int = 1) -> list[bytes]:
    """Diffs of 20 levels, most of them near the best, a third of them removals."""
    draw = random.Random(seed)
    frames = []
    for number in range(101, 101 + count):
        sides = []
        for sign in (-1, 1):
            prices = sorted({1 + int(draw.expovariate(1 / 40)) for _ in range(30)})[:10]
            sides.append(
                ",".join(
                    f'["{60000 + sign * p / 100:.2f}000000","{draw.choice((0, 1, 2)) * draw.random():.8f}"]'
                    for p in prices
                )
            )
        frames.append(
            f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":{number},'
            f'"u":{number},"b":[{sides[0]}],"a":[{sides[1]}]}}}}'.encode()
        )
    return frames


def made_bests(count: int, seed: int = 2) -> list[bytes]:
    """Best bids and asks whose size changes each time."""
    draw = random.Random(seed)
    return [
        f'{{"stream":"btcusdt@bookTicker","data":{{"u":{1_000_000 + n},"s":"BTCUSDT","b":"59999.99000000",'
        f'"B":"{draw.random():.8f}","a":"60000.01000000","A":"{draw.random():.8f}"}}}}'.encode()
        for n in range(count)
    ]


def as_sbe(frames: list[bytes]) -> list[bytes]:
    """The same depth events and best bids and asks in the form of the binary streams."""
    return [encoded(json.loads(frame)["data"]) for frame in frames]


def encoded(event: dict[str, Any]) -> bytes:
    """One event of the stream schema 1:0, its numbers with eight decimals."""
    symbol = bytes([len(event["s"])]) + event["s"].encode()
    if "U" not in event:
        numbers = (mantissa(event[name]) for name in ("b", "B", "a", "A"))
        return struct.pack("<4H2q2b4q", 50, 10001, 1, 0, TIME_US, event["u"], -8, -8, *numbers) + symbol
    head = struct.pack("<4H3q2b", 26, 10003, 1, 0, TIME_US, event["U"], event["u"], -8, -8)
    return head + packed_levels(event["b"]) + packed_levels(event["a"]) + symbol


def packed_levels(levels: list[list[str]]) -> bytes:
    """A group of levels."""
    entries = (struct.pack("<2q", mantissa(price), mantissa(size)) for price, size in levels)
    return struct.pack("<2H", 16, len(levels)) + b"".join(entries)


def mantissa(text: str) -> int:
    """A number written with eight decimals."""
    return int(text.replace(".", ""))
