"""Compares the balances of the venue with the fills: what an account holds beyond its fills does not change by itself.

    offset = balance - what all fills moved - deposits less withdrawals       the same at each answer of the venue

Execution publishes the venue's answers. One counts here only if the monitor has read exactly the fills that execution
had published before it. The venue may have counted a fill that it reports later: the difference ends when fills that it
made before its answer explain it. The first offset counts when a second one agrees. A new connection may have missed a
transfer, and others may trade on the account: then the offset begins anew. So it does when an operator resumes an
instrument.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.lanes.ports import CellReader
from engine.model.fixed import clamped, to_text
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.rows import AccountBalanceRow, FillRow
from engine.model.words import FillFlag
from engine.monitor.recount.differences import Differences, Finding
from engine.monitor.recount.sums import name_of

FINE = 32  # decimals in which movements are added: a price and a size have at most 16 together
UNIT = 10 ** (FINE - FEE_DECIMALS)


@dataclass(slots=True)
class Offset:
    """What an account held of an asset beyond its fills, at FINE decimals."""

    amount: int
    since: tuple[int, int]  # the connection, and how often others had moved the asset: another one begins anew
    roundings: int  # of the venue, until then: it drops digits beyond FEE_DECIMALS
    firm: bool = False


@dataclass(slots=True)
class Unexplained:
    """What a balance has more than the fills make of it."""

    more: int  # at FINE decimals, less what late fills have moved
    now_ns: int  # when the answer came: the venue may have counted a fill that it made until then


class Balances:
    """The balances of one account."""

    def __init__(self, instruments: Iterable[Instrument], cells: CellReader, count: int) -> None:
        """Read these cells; nothing is compared yet."""
        self._instruments = {one.id: one for one in instruments}
        self._cells, self._count = cells, count
        self._sequences = [0] * count
        self._moved: defaultdict[str, int] = defaultdict(int)
        self._roundings: defaultdict[str, int] = defaultdict(int)
        self._offsets: dict[str, Offset] = {}
        self._waiting: list[AccountBalanceRow] = []
        self._unexplained: dict[str, Unexplained] = {}  # by asset, where the newest answer differs
        self._beyond: dict[str, int] = {}  # the newest balance of each asset less what the fills moved, at FINE
        self.now_ns = 0  # when the newest arrived

    def add(self, fill: FillRow) -> None:
        """Add what a fill and its fee moved; an internal fill moves nothing at the venue."""
        if fill.flags & FillFlag.INTERNAL:
            return
        one, made_ns = self._instruments[fill.instrument], fill.venue_ns
        decimals = one.price_decimals + one.size_decimals
        self._move(one.base, fill.side * fill.size, one.size_decimals, made_ns)
        self._move(one.quote, -fill.side * fill.price * fill.size, decimals, made_ns)
        self._move(name_of(fill.fee_asset), -fill.fee, FEE_DECIMALS, made_ns)

    @property
    def amounts(self) -> dict[str, int]:
        """The balance of each asset, with the fills since the venue's answer, at FEE_DECIMALS."""
        return {asset: (beyond + self._moved[asset]) // UNIT for asset, beyond in self._beyond.items()}

    def read(self) -> None:
        """Read the answers of the venue that were not read yet."""
        for place in range(self._count):
            sequence = self._cells.sequence(place)
            if not sequence:
                return
            if sequence != self._sequences[place]:
                self._sequences[place] = sequence
                row = self._cells.read(place)
                if self._counts(name_of(row.asset)):
                    self._waiting.append(row)

    def judge(self, cursor: int, into: Differences) -> None:
        """Judge the answers that came after exactly the fills before this cursor; drop those with fewer."""
        self._clear_late(into)
        if not self._waiting:
            return
        ready = [row for row in self._waiting if row.fill_sequence == cursor]
        self._waiting = [row for row in self._waiting if row.fill_sequence > cursor]
        for row in ready:
            asset = name_of(row.asset)
            self._beyond[asset] = wide(row.amount_high, row.amount_low) * UNIT - self._moved[asset]
            self.now_ns = row.now_ns
        differing = {name_of(row.asset): more for row in ready if (more := self._differ(row, into))}
        for row in ready:
            if more := differing.get(name_of(row.asset), 0):
                self._note(row, more, differing, into)

    def accept(self) -> None:
        """Begin every offset anew."""
        self._offsets.clear()
        self._unexplained.clear()

    def dump(self) -> dict[str, Any]:
        """What all fills moved, for JSON."""
        return {"moved": dict(self._moved), "roundings": dict(self._roundings)}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Continue from what `dump` gave."""
        self._moved.update(dumped["moved"])
        self._roundings.update(dumped["roundings"])

    def recount(self) -> None:
        """Every fill is about to be added again."""
        for one in (self._moved, self._roundings, self._offsets, self._waiting, self._unexplained, self._beyond):
            one.clear()

    def _counts(self, asset: str) -> bool:
        """Whether fills move an asset: any other one moves without them, by airdrops and conversions."""
        return asset in self._moved or any(asset in (one.base, one.quote) for one in self._instruments.values())

    def _move(self, asset: str, amount: int, decimals: int, made_ns: int) -> None:
        """Add a movement, and count a rounding if the venue's balances cannot show all of its digits."""
        fine, late = amount * 10 ** (FINE - decimals), self._unexplained.get(asset)
        self._moved[asset] += fine
        self._roundings[asset] += bool(fine % UNIT)
        if late is not None and made_ns <= late.now_ns:
            late.more -= fine

    def _clear_late(self, into: Differences) -> None:
        """End the differences that late fills explain."""
        for asset, one in list(self._unexplained.items()):
            if abs(one.more) <= UNIT:
                del self._unexplained[asset]
                into.clear(("balance", asset))

    def _differ(self, row: AccountBalanceRow, into: Differences) -> int:
        """By how much the venue has more of an asset than the fills make of it, beyond what it may have rounded."""
        asset = name_of(row.asset)
        known, now = self._offsets.get(asset), self._offset(asset, row)
        same = known is not None and known.since == now.since
        more = now.amount - known.amount if known is not None and same else 0
        agrees = known is not None and same and abs(more) <= (now.roundings - known.roundings) * UNIT
        if known is not None and same and known.firm and not agrees:
            self._unexplained[asset] = Unexplained(more, row.now_ns)
            return more
        now.firm = agrees
        self._offsets[asset] = now
        self._unexplained.pop(asset, None)
        into.clear(("balance", asset))
        return 0

    def _offset(self, asset: str, row: AccountBalanceRow) -> Offset:
        amount = wide(row.amount_high, row.amount_low) - wide(row.transferred_high, row.transferred_low)
        since = (row.connection_ns, row.others)
        return Offset(amount * UNIT - self._moved[asset], since, self._roundings[asset])

    def _note(self, row: AccountBalanceRow, more: int, differing: dict[str, int], into: Differences) -> None:
        """Note a difference of the asset of this answer."""
        asset, amount = name_of(row.asset), wide(row.amount_high, row.amount_low)
        difference = round(more / UNIT)
        expected = amount - difference
        text = (
            f"{asset}: the account holds {to_text(amount, FEE_DECIMALS)} at the venue, the monitor's sum of the fills"
            f" makes it {to_text(expected, FEE_DECIMALS)}"
        )
        finding = Finding(self._concerned(asset, differing), 0, clamped(difference), text)
        into.note(("balance", asset), difference, finding, row.now_ns)

    def _concerned(self, asset: str, differing: dict[str, int]) -> tuple[int, ...]:
        """The instruments that a difference can come from: both assets moved as in a trade, else any with the asset."""
        using = [one for one in self._instruments.values() if asset in (one.base, one.quote)]
        traded = [one for one in using if differing.get(one.base, 0) * differing.get(one.quote, 0) < 0]
        return tuple(one.id for one in traded or using)


def wide(high: int, low: int) -> int:
    """The number in two halves."""
    return high << 64 | low
