"""What netting saves two strategies with opposite orders, on the same tapes of the loopback venue.

The tapes are those of `bench/algorithms.py`. One strategy buys 1 ETH by a TWAP over 4 s; the other one of the same
account sells 1 ETH in the same time: by a TWAP that begins 70 ms later, or by 20 market orders. Each tape runs without
netting and with it. At the end the account holds nothing, so what both together have paid is what it has lost:

    spread   what the account lost by its trades at the venue
    fees     what the venue charged, at its rate of 10 bps
    netted   the share of all sizes that was filled without the venue

Spread and fees in hundredths of a percent of the value of both sides, as means with a 95 % interval (bootstrap over the
tapes); `saved` is the difference of both together, tape by tape.

    python -m bench.netting [--json]
"""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.algorithms import BEGIN_NS, PROFILE, SECOND_NS, TAPES, Interval, Tape, Watcher, interval
from bench.machine import describe
from engine.chaos.world import MS, START_NS
from engine.model.words import BUY, SELL, FillFlag, OrderType
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import size_of

SIZE, SECONDS, LATE_NS, PARTS = "1", 4, 70 * MS, 20
FEE_BPS = 10  # of the loopback venue
AFTER_S = 2.0  # what a thin book left is filled after the schedule
SCHEDULE = {"duration_ms": 4_000, "slices": PARTS}
SCENES = ("two TWAPs", "a TWAP and market orders")


class Cost(NamedTuple):
    """What both strategies paid on one tape."""

    spread_bps: float
    fees_bps: float
    netted: float  # the share

    @property
    def whole(self) -> float:
        """Spread and fees."""
        return self.spread_bps + self.fees_bps


class Scheduled(Watcher):
    """Works one TWAP."""

    side = BUY
    begin_ns = BEGIN_NS
    begun = False

    def on_book(self, book: Book) -> None:
        """Decide it when its time has come."""
        super().on_book(book)
        if not self.begun and self.now_ns >= self.begin_ns:
            self.begun = True
            size = size_of(book.instrument, SIZE)
            self.place(book.instrument, self.side, size, 0, algorithm="twap", parameters=SCHEDULE)


class Taking(Strategy):
    """Sells by market orders at equal times."""

    sent = 0

    def on_book(self, book: Book) -> None:
        """Send the next one when its time has come."""
        if self.sent < PARTS and self.now_ns >= BEGIN_NS + LATE_NS + self.sent * SECONDS * SECOND_NS // PARTS:
            self.sent += 1
            size = size_of(book.instrument, SIZE) // PARTS
            self.place(book.instrument, SELL, size, 0, order_type=OrderType.MARKET)


class Pair(Tape):
    """Two strategies of one account on one tape."""

    def __init__(self, seed: int, scene: str, profile: Path, *, netting: bool) -> None:
        """Run this scene."""
        self._scene, self._netting = scene, netting
        super().__init__(seed, Scheduled, profile)

    def _make_slots(self) -> Any:
        self.execution_options = {**self.execution_options, "netting": self._netting}
        return super()._make_slots()

    def make_strategy(self, name: str) -> Strategy:
        """The taker buys, the maker of the other worlds sells."""
        if name == "taker":
            return super().make_strategy(name)
        if self._scene == SCENES[1]:
            return Taking(self.instruments, None)
        other = Scheduled(self.instruments, None)
        other.side, other.begin_ns = SELL, BEGIN_NS + LATE_NS
        return other


def run(seed: int, scene: str, profile: Path, *, netting: bool) -> Cost:
    """Both strategies on one tape."""
    pair = Pair(seed, scene, profile, netting=netting)
    try:
        fills = pair.lanes.reader("fills")
        pair.run((BEGIN_NS - START_NS) / SECOND_NS + SECONDS + AFTER_S)
        return _cost(pair, list(fills.rows()))
    finally:
        pair.close()


def _cost(pair: Pair, rows: Sequence[Any]) -> Cost:
    """What the account lost, of the value that both strategies trade; what is left trades at the end's best prices."""
    (one,) = pair.instruments
    size, top = size_of(one, SIZE), pair.strategy.tops[-1]
    filled = {side: sum(row.size for row in rows if row.side == side) for side in (BUY, SELL)}
    ends = {BUY: top[1], SELL: top[0]}
    rest = sum((size - filled[side]) * ends[side] for side in filled)
    value = sum(row.size * row.price for row in rows) + rest
    lost = sum(row.side * row.size * row.price for row in rows) + sum(
        side * (size - filled[side]) * ends[side] for side in filled
    )
    at_venue = sum(row.size * row.price for row in rows if not row.flags & FillFlag.INTERNAL) + rest
    netted = sum(row.size for row in rows if row.flags & FillFlag.INTERNAL) / (2 * size)
    return Cost(lost / value * 10_000, FEE_BPS * at_venue / value, netted)


def measure(tapes: int = TAPES) -> dict[str, Any]:
    """The object of `--json`."""
    with tempfile.TemporaryDirectory() as directory:
        (profile := Path(directory) / "profile.csv").write_text(PROFILE)
        return {"machine": describe(), "tapes": tapes, "netting": {one: _study(one, tapes, profile) for one in SCENES}}


def _study(scene: str, tapes: int, profile: Path) -> dict[str, dict[str, Interval]]:
    """One scene without netting and with it, and what it saves."""
    found = {
        netting: [run(seed, scene, profile, netting=netting) for seed in range(1, tapes + 1)]
        for netting in (False, True)
    }
    rows = {name: _row(found[netting]) for name, netting in (("without", False), ("with", True))}
    saved = [before.whole - after.whole for before, after in zip(found[False], found[True], strict=True)]
    return rows | {"saved": {"bps": interval(saved)}}


def _row(costs: Sequence[Cost]) -> dict[str, Interval]:
    return {name: interval([getattr(one, name) for one in costs]) for name in Cost._fields}


def show(found: Mapping[str, Any]) -> str:
    """The table."""
    lines = [f"{'':34}" + "".join(f"{name:>27}" for name in Cost._fields)]
    for scene, rows in found["netting"].items():
        lines += [
            f"{scene + ', ' + name:34}" + "".join(f"{_text(one):>27}" for one in rows[name].values())
            for name in ("without", "with")
        ]
        lines.append(f"{scene + ', saved':34}{_text(rows['saved']['bps']):>27}")
    return "\n".join(lines)


def _text(value: Interval) -> str:
    return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--tapes", type=int, default=TAPES, help="tapes of each scene")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    found = measure(options.tapes)
    print(json.dumps(found) if options.json else f"{found['machine']}\n{show(found)}")


if __name__ == "__main__":
    main()
