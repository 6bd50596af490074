"""A running system from a notebook: read-only by the MMU, registered nowhere, without a cost for its writers.

    import research

    demo = research.attach("demo")             # attach() is enough where one system runs
    demo.ticks("BTCUSDT")                      # frames of pandas: floats, symbols, words, timestamps in UTC
    demo.books("BTCUSDT", levels=5, to="polars")
    demo.bars("BTCUSDT", "1m"), demo.orders(), demo.fills(), demo.positions(), demo.pnl()
    demo.slots("ticks")                        # numpy over the ring itself, no copy: integers, read-only
    tail = demo.tail("ticks", "BTCUSDT")       # each tail.read() is what came since the last

Each call maps the lanes as they are then, so after a restart of the system the next call reads the new life.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import shm
from engine import instruments
from engine.aggregation import interval_ns
from engine.lanes import LOOKERS, open_lanes
from engine.model.instrument import Instrument
from engine.model.words import Flag, TickKind
from engine.monitor.names import Names
from research.attached.shown import Form, expect_form, shown
from research.attached.tail import Tail
from research.lanes import LANES, Records, expect_symbol, frame, in_order, symbols

PNL = ("account", "strategy", "symbol", "size", "average_price", "mark_price", "realised", "unrealised", "fees", "net",
       "net_day", "usd_rate", "update_ns")  # fmt: skip


class NotRunningError(LookupError):
    """No system of this name has lanes on this machine."""


def attach(system: str = "", *, to: Form = "pandas") -> "Attached":
    """Attach to a running system, by name or to the only one; `to` is the form of its tables."""
    expect_form(to)
    running = shm.systems()
    if not system and len(running) == 1:
        system = running[0]
    expect_running(system)
    return Attached(system, to)


def expect_running(system: str) -> None:
    """Refuse a system that has no lanes, with the names of those that have."""
    running = shm.systems()
    if system not in running:
        named = f"no system {system!r} runs" if system else "expected the name of a system"
        there = f"running: {', '.join(running)}" if running else "no system runs: engine-ctl up CONFIG starts one"
        raise NotRunningError(f"{named}; {there}")


class Attached:
    """The tables of one system."""

    def __init__(self, system: str, form: Form = "pandas") -> None:
        """Use `attach`."""
        self.system, self._form = system, form

    @property
    def symbols(self) -> list[str]:
        """The names of its instruments, in the configuration's order."""
        with self._running():
            return list(symbols(instruments.read(open_lanes(self.system, LOOKERS))).values())

    def ticks(self, symbol: str = "", *, last: int = 10_000, to: Form | None = None) -> Any:
        """The newest ticks."""
        return self._shown(self._table("ticks", symbol, last=last), to)

    def books(self, symbol: str = "", *, last: int = 10_000, levels: int = 1, to: Form | None = None) -> Any:
        """The newest books, with the best `levels` of each side."""
        return self._shown(self._table("books", symbol, last=last, levels=levels), to)

    def bars(self, symbol: str = "", interval: str = "", *, last: int = 10_000, to: Form | None = None) -> Any:
        """The newest closed bars, of every interval or of one ("1m")."""
        table = self._table("bars", symbol, last=last)
        if interval:
            table = table[table["interval"] == np.timedelta64(_length(interval), "ns")]
        return self._shown(table, to)

    def orders(self, symbol: str = "", *, last: int = 10_000, to: Form | None = None) -> Any:
        """The newest changes of orders."""
        return self._shown(self._table("orders", symbol, last=last), to)

    def fills(self, symbol: str = "", *, last: int = 10_000, to: Form | None = None) -> Any:
        """The newest fills."""
        return self._shown(self._table("fills", symbol, last=last), to)

    def positions(self, symbol: str = "", *, to: Form | None = None) -> Any:
        """What is held now: a row for each account ("account") and for each strategy, by name."""
        return self._shown(self._named(self._table("positions", symbol)), to)

    def pnl(self, symbol: str = "", *, to: Form | None = None) -> Any:
        """Profit and loss by account, strategy and symbol, in the quote asset; NaN while what is held has no price."""
        return self._shown(self._named(self._table("positions", symbol))[list(PNL)], to)

    def slots(self, lane: str, owner: str = "", *, last: int = 10_000) -> shm.View:
        """The newest records of a ring in place, as a read-only numpy array of the lane's own integers.

        Use no result before `release()` returned 0: the writer may overwrite a slot while it is read.
        """
        with self._running():
            ring = open_lanes(self.system, LOOKERS).ring_reader(lane, owner)
            ring.cursor = max(ring.oldest, ring.end - last)
            return ring.view(last)

    def instrument(self, symbol: str) -> Instrument:
        """An instrument's metadata, as `research.simulate` needs it."""
        self._expect("ticks", symbol)
        known = instruments.read(open_lanes(self.system, LOOKERS))
        return next(one for one in known if symbols(known)[one.id] == symbol)

    def events(self, symbol: str) -> Records:
        """What the rings still have of a symbol, from its newest whole book on, as events of `research.simulate`."""
        from research.simulate import from_ticks  # noqa: PLC0415 - compiled rooms that a look does not need

        one = self.instrument(symbol)
        levels, ticks = (self._records(lane, one.id) for lane in ("levels", "ticks"))
        resets = np.flatnonzero((levels["flags"] & Flag.RESET != 0) & (levels["kind"] == TickKind.STATE))
        if not len(resets):
            raise ValueError(
                f"{self.system} {symbol}: LEVELS has no whole book: set levels = true in [feed]; of a system that has"
                " run for long, read research.history of a recorder"
            )
        levels = levels[resets[-1] :]
        return from_ticks(levels, ticks[ticks["receive_ns"] >= levels["receive_ns"][0]])

    def _records(self, lane: str, instrument: int) -> Records:
        """What the rings of every feed still have of an instrument, in whole events."""
        with self._running():
            readers = open_lanes(self.system, LOOKERS).ring_readers(lane)
            records: Records = in_order([ring.latest(ring.header.capacity) for _, ring in readers])
        records = records[records["instrument"] == instrument]
        last = np.flatnonzero(records["flags"] & Flag.LAST)
        whole: Records = records[: last[-1] + 1 if len(last) else 0]
        return whole

    def tail(self, lane: str, symbol: str = "", *, levels: int = 1, to: Form | None = None) -> Tail:
        """Follow a lane from now on."""
        self._expect(lane, symbol)
        expect_form(to or self._form)
        return Tail(self.system, lane, symbol, levels, to or self._form)

    def __repr__(self) -> str:
        """Name the system and its symbols."""
        return f"<{self.system}: {', '.join(self.symbols) or 'no instrument published yet'}>"

    def _table(self, lane: str, symbol: str, **options: Any) -> Records:
        self._expect(lane, symbol)
        with self._running():
            return frame(self.system, lane, symbol, **options)

    def _expect(self, lane: str, symbol: str) -> None:
        """Refuse a system that is down, and a lane or a symbol that it does not have."""
        with self._running():
            if lane not in LANES:
                raise ValueError(f"lane {lane!r}: expected one of {', '.join(LANES)}")
            expect_symbol(self.system, symbol)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """What cannot be opened because the system was stopped is that error."""
        try:
            expect_running(self.system)
            yield
        except shm.SegmentError:
            expect_running(self.system)
            raise

    def _named(self, table: Records) -> Records:
        """The table with the names of accounts and strategies for their numbers."""
        names = Names.of(self.system)
        return _with_texts(
            table,
            account=[names.account(int(one)) for one in table["account"]],
            strategy=[names.strategy(int(one)) for one in table["strategy"]],
        )

    def _shown(self, table: Records, to: Form | None) -> Any:
        expect_form(to or self._form)
        return shown(table, to or self._form)


def _length(interval: str) -> int:
    """The nanoseconds of a text like "5m"."""
    if not re.fullmatch(r"[1-9][0-9]*[smhd]", interval):
        raise ValueError(f"interval {interval!r}: expected a number and s, m, h or d, as in 1s, 5m, 1h, 1d")
    return interval_ns(interval)


def _with_texts(table: Records, **texts: Sequence[str]) -> Records:
    """The table with these columns as texts."""
    kinds = [(name, "U48" if name in texts else table.dtype[name]) for name in table.dtype.names or ()]
    made = np.empty(len(table), kinds)
    for name, _ in kinds:
        made[name] = texts.get(name, table[name])
    return made
