"""Watches one execution: sums its fills, compares, and publishes what it finds.

A start reads every fill of the journal, or those after the sums of its own file, then those of the FILLS ring that
follow the journal's last one. It does the same after the ring has lapped it. So a life of the monitor begins with the
same sums as the last one ended.

Nothing is compared while execution does not run: a dead or starting execution has cells of its former life.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import shm
from engine.lanes import lane_of
from engine.lanes.ports import CellReader, CellWriter, RingReader, RingWriter
from engine.model.instrument import Instrument
from engine.model.records import DISAGREEMENT, MONITORED
from engine.model.rows import DisagreementRow, FillRow, PositionRow
from engine.model.words import Agreement, FillFlag, HaltReason
from engine.monitor.recount.account import Account
from engine.monitor.recount.balances import Balances
from engine.monitor.recount.counted import Counted
from engine.monitor.recount.differences import Differences, Finding, Found
from engine.monitor.recount.journal import segments_of
from engine.monitor.recount.positions import Owner, Positions, compare
from engine.monitor.recount.prices import UNKNOWN, Prices
from engine.monitor.recount.silence import Silence
from engine.monitor.recount.sums import Sums

AGAIN_NS = 1_000_000_000  # between two records of one disagreement: an execution that was dead reads the later one
KEPT = 64  # newest fills that are known by id: where the journal ends in the ring, and what the ring brings again
POSITIONS_MOST, MONITORED_MOST = lane_of("positions").count, lane_of("monitored").count
SCOPES = lane_of("scope_halts").count
TEXT = next(field.size for field in DISAGREEMENT.fields if field.name == "text")
LOW = (1 << 64) - 1

logger = logging.getLogger("engine.monitor")


class Subject(NamedTuple):
    """Which execution is watched, and what it trades."""

    name: str
    journal: Path
    instruments: Sequence[Instrument]
    strategies: Sequence[int]


class WatchLanes(NamedTuple):
    """The lanes of one execution."""

    fills: RingReader
    positions: CellReader
    halts: CellReader
    scopes: CellReader
    monitored: CellWriter
    monitored_account: CellWriter
    disagreements: RingWriter


class Watch:
    """One execution under watch."""

    def __init__(
        self, subject: Subject, lanes: WatchLanes, balances: Balances, account: Account, prices: Prices,
        silence: Silence, counted: Counted, differs_ns: int,
    ) -> None:  # fmt: skip
        """Read the journal, then the ring."""
        self.name, self.account, self.silence = subject.name, account, silence
        self._subject, self._lanes = subject, lanes
        self._balances, self._prices = balances, prices
        self.differences = Differences(differs_ns, account.kept.accepted)
        self._known: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._counted = counted
        self._published: dict[Owner, tuple[object, ...]] = {}
        self._halted: set[int] = set()
        self._tripped = False  # a breaker of the account
        self._since_ns = self._compared_ns = 0
        self.positions = Positions(subject.instruments, subject.strategies)
        self.laps = 0
        self._recount()

    @property
    def lag(self) -> int:
        """The number of unread fills."""
        return self._lanes.fills.lag

    def read(self) -> int:
        """Read the fills that are new, and judge the balances between them; how many fills."""
        self._balances.read()
        fills, count = self._lanes.fills, 0
        self._balances.judge(fills.cursor, self.differences)
        while (row := fills.read()) is not None:
            if isinstance(row, shm.Lapped):
                self.laps += 1
                logger.warning("the monitor reads the journal: FILLS has lapped it", extra={"lost": row.lost})
                self._recount()
                return count + 1
            self._add(row)
            self._balances.judge(fills.cursor, self.differences)
            count += 1
        return count

    def check(self, now_ns: int) -> bool:
        """Compare, publish, and report the differences that last; whether an operator has resumed something."""
        self._since_ns = self._since_ns or now_ns
        running = self.silence.judge(now_ns)
        if running:
            self._compare(now_ns)
        else:
            self.differences.clear_of("count", "figures")
        resumed = self._read_halts() | self._read_trips()
        self._publish(now_ns, running=running)
        for found in self.differences.lasting(now_ns):
            self._report(found, now_ns)
        return resumed

    def _recount(self) -> None:
        """Sum every fill of the journal, then those of the ring that are not in it."""
        self.positions = Positions(self._subject.instruments, self._subject.strategies)
        self._balances.recount()
        self._known.clear()
        before = self._counted.read()
        if before:
            self._load(before)
        segment = before.get("segment", "")
        for name, fills in segments_of(self._subject.journal, segment):
            if name > segment:
                segment, before = name, self._dump()
            for row in fills:
                self._add(row)
        if segment:
            self._counted.write(segment, before)
        self._join_ring()

    def _join_ring(self) -> None:
        """Add the fills on the ring after the last one that the journal has; ring and journal have the same order."""
        fills = self._lanes.fills
        fills.cursor = fills.oldest
        rows: list[FillRow] = []
        while (row := fills.read()) is not None:
            if isinstance(row, shm.Lapped):
                rows.clear()
            else:
                rows.append(row)
        known = set(self._known)
        later = next((at for at in range(len(rows), 0, -1) if id_of(rows[at - 1]) in known), 0)
        for row in rows[later:]:
            self._add(row)

    def _dump(self) -> dict[str, Any]:
        """The present sums and the newest fills, for the file."""
        known = [[instrument, fill.hex()] for instrument, fill in list(self._known)[-KEPT:]]
        return {"positions": self.positions.dump(), "balances": self._balances.dump(), "known": known}

    def _load(self, dumped: dict[str, Any]) -> None:
        """Continue from the file."""
        self.positions.load(dumped["positions"])
        self._balances.load(dumped["balances"])
        self._known.extend((instrument, bytes.fromhex(fill)) for instrument, fill in dumped["known"])

    def _add(self, row: FillRow) -> None:
        """Add a fill once; one of an instrument that is not configured any more has no decimals here."""
        key = id_of(row)
        if row.flags & FillFlag.OPENING or key in self._known or row.instrument not in self.positions.instruments:
            return
        self._known.append(key)
        self.positions.add(row)
        self._balances.add(row)

    def _compare(self, now_ns: int) -> None:
        """Compare each position that execution has published."""
        self._compared_ns = now_ns
        compared: set[Owner] = set()
        for row in self._position_rows():
            owner = (row.strategy, row.instrument)
            if owner not in compared and row.instrument in self.positions.instruments:
                compared.add(owner)  # a later cell of the same owner is of an earlier configuration
                compare(self.positions.of(owner), row, self.differences, now_ns)

    def _position_rows(self) -> Iterator[PositionRow]:
        """The cells of execution, which writes them without a hole."""
        cells, place = self._lanes.positions, 0
        while place < POSITIONS_MOST and (row := cells.read(place)) is not None:
            yield row
            place += 1

    def _read_halts(self) -> bool:
        """After an operator has resumed an instrument, its present differences and balances are accepted."""
        halts = self._lanes.halts
        rows = [halts.read(place) for place in range(len(self._subject.instruments))]
        halted = {row.instrument for row in rows if row is not None and row.reason}
        resumed, self._halted = self._halted - halted, halted
        for instrument in resumed:
            self.differences.accept(instrument)
            self._balances.accept()
        return bool(resumed)

    def _read_trips(self) -> bool:
        """After an operator has resumed the account's breakers, drawdown and loss count anew, as in execution."""
        scopes = takewhile(lambda row: row is not None and row.since_ns, map(self._lanes.scopes.read, range(SCOPES)))
        tripped = any(row.account and row.reason == HaltReason.BREAKER for row in scopes)
        resumed, self._tripped = self._tripped and not tripped, tripped
        if resumed:
            self.account.kept.begin_limits()
        return resumed

    def _report(self, found: Found, now_ns: int) -> None:
        """Publish a disagreement for each instrument of it, again and again while it lasts."""
        if found.reported_ns and now_ns - found.reported_ns < AGAIN_NS:
            return
        if not found.reported_ns:
            logger.error("the monitor disagrees", extra={"execution": self.name, "what": found.finding.text})
        found.reported_ns = now_ns
        for instrument in found.finding.instruments:
            self._lanes.disagreements.publish(*self._row(found.finding, instrument, found.since_ns, now_ns))

    def _row(self, finding: Finding, instrument: int, since_ns: int, now_ns: int) -> DisagreementRow:
        """The record of a disagreement about one instrument."""
        return DISAGREEMENT.row(
            now_ns=now_ns, since_ns=since_ns, difference=finding.difference, instrument=instrument,
            strategy=finding.strategy, account=self.account.number, text=finding.text.encode()[:TEXT],
        )  # fmt: skip

    def _publish(self, now_ns: int, *, running: bool) -> None:
        """Publish the account, and each position that has changed."""
        sums = self.positions.account
        figures = self.account.value(sums.values(), self._balances.amounts, self.positions.first_ns, now_ns)
        fill_count = sum(one.fill_count for one in sums.values())
        row = self.account.row(
            figures, fill_count, now_ns=now_ns, since_ns=self._since_ns, balances_ns=self._balances.now_ns,
            compared_ns=self._compared_ns, execution_silent_ns=self.silence.since_ns,
            differences=self.differences.count(now_ns),
        )  # fmt: skip
        self._lanes.monitored_account.write(0, *row)
        for place, (owner, one) in enumerate(islice(self.positions.sums.items(), MONITORED_MOST)):
            self._publish_position(place, owner, one, now_ns, running=running)

    def _publish_position(self, place: int, owner: Owner, one: Sums, now_ns: int, *, running: bool) -> None:
        """Write the cell of a position if something in it has changed."""
        mark2, state = self._prices.middle2(one.one.id), self._state(owner, now_ns) if running else Agreement.UNKNOWN
        liquidation = UNKNOWN if owner[0] else self.account.liquidations.get(owner[1], UNKNOWN)
        mark = (one.fill_count, mark2, state, self._prices.dollars(one.one.quote), repr(liquidation))  # nan != nan
        if self._published.get(owner) == mark:
            return
        self._published[owner] = mark
        since_ns = max(self.differences.since_ns((what, *owner)) for what in ("count", "figures"))
        self._lanes.monitored.write(place, *MONITORED.row(
            **self._figures(one, mark2), instrument=owner[1], strategy=owner[0], fill_count=one.fill_count,
            now_ns=now_ns, since_ns=since_ns, mark2=mark2, account=self.account.number, state=state,
            price_decimals=one.scale.price, size_decimals=one.one.size_decimals, holding_decimals=one.scale.held,
            held_high=one.held >> 64, held_low=one.held & LOW,
            liquidation_price=liquidation,
        ))  # fmt: skip

    def _figures(self, one: Sums, mark2: int) -> dict[str, Any]:
        """A position's money in quote, as floats."""
        scale, unrealised2 = 10.0**one.scale.money, one.unrealised2(mark2)
        unrealised = UNKNOWN if unrealised2 is None else unrealised2 / (2 * scale)
        realised, fees = one.realised / scale, one.fees / scale
        return {
            "average": one.cost / one.held / 10**one.scale.price if one.held else 0.0,
            "realised": realised, "unrealised": unrealised, "fees": fees, "net": realised + unrealised - fees,
            "notional_usd": abs(one.held) * mark2 / (2 * scale) * self._prices.dollars(one.one.quote),
        }  # fmt: skip

    def _state(self, owner: Owner, now_ns: int) -> Agreement:
        """Whether execution's position is this one."""
        keys = [(what, *owner) for what in ("count", "figures")]
        if any(self.differences.lasts(key, now_ns) for key in keys):
            return Agreement.DIFFERS
        return Agreement.PENDING if any(map(self.differences.since_ns, keys)) else Agreement.AGREES


def id_of(row: FillRow) -> tuple[int, bytes]:
    """What a fill is known by."""
    return row.instrument, row.venue_fill_id.rstrip(b"\0")
