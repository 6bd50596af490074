"""What a look-ahead test found: the cuts, and each decision that was another without the future."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from engine.model.instrument import Instrument
from engine.model.words import IntentKind, OrderType, TimeInForce
from research.lookahead.cuts import Cut
from research.lookahead.tape import Outcome

BILLION = 1_000_000_000


class Difference(msgspec.Struct, frozen=True):
    """The first decision before a cut that differs; a text is empty where there is no such decision."""

    events: int  # the strategy was given so many
    until_ns: int  # the arrival of the next one
    intent: int  # the place of the decision among all
    with_all_data: str
    with_cut_data: str


class Report(msgspec.Struct, frozen=True):
    """The result of a test."""

    strategy: str
    cuts: int  # compared
    skipped: tuple[str, ...]  # cuts on which the strategy could not begin, with the error
    intents: int  # of the run on all data
    differences: tuple[Difference, ...]  # one a cut at most, the earliest cut first
    opened: tuple[str, ...]  # files of the data that were opened while only cut data was given
    kept: tuple[str, ...] = ()  # files that a run on all data wrote and a run on cut data read

    @property
    def passed(self) -> bool:
        """Whether every decision was the same without the future."""
        return not (self.differences or self.opened or self.kept)

    def __str__(self) -> str:
        """The report as text."""
        tested = f"{self.strategy}: {self.intents} intents, {self.cuts} cuts"
        lines = [f"{tested}: {'no look-ahead found' if self.passed else 'LOOK-AHEAD'}"]
        if self.skipped:
            lines.append(f"  {len(self.skipped)} cuts skipped, the first: {self.skipped[0]}")
        lines += [f"  opened the file of the whole data while only a part was given: {one}" for one in self.opened]
        lines += [f"  read what a run on all data has written, like a cache: {one}" for one in self.kept]
        if self.differences:
            lines += self._first()
        return "\n".join(lines)

    def _first(self) -> list[str]:
        """The first difference, both versions."""
        one = self.differences[0]
        place = f"the first after event {one.events}, before {_time(one.until_ns)}, in intent {one.intent}"
        return [
            f"  {len(self.differences)} of {self.cuts} cuts differ, {place}",
            f"    with all data: {one.with_all_data or 'no decision'}",
            f"    with cut data: {one.with_cut_data or 'no decision'}",
        ]


def difference(whole: Outcome, part: Outcome, cut: Cut, instruments: Mapping[int, Instrument]) -> Difference | None:
    """The first decision before the cut that is not the same to the byte."""
    expected, found = whole.rows(cut.until_ns), part.rows(cut.until_ns)
    both = min(len(expected), len(found))
    wrong = np.flatnonzero(expected[:both] != found[:both])
    has_failed = bool(part.error) and part.error_ns < cut.until_ns
    if not len(wrong) and len(expected) == len(found) and not has_failed:
        return None
    place = int(wrong[0]) if len(wrong) else both
    texts = [text_of(rows[place], instruments) if place < len(rows) else "" for rows in (expected, found)]
    if has_failed and not texts[1]:
        texts[1] = f"{part.error} at {_time(part.error_ns)}"
    return Difference(cut.events, cut.until_ns, place, *texts)


def text_of(row: Any, instruments: Mapping[int, Instrument]) -> str:
    """An intent in words, with all its parameters."""
    one = instruments[int(row["instrument"])]
    price, size = (
        Decimal(int(row[name])).scaleb(-decimals)
        for name, decimals in (("price", one.price_decimals), ("size", one.size_decimals))
    )
    kind = IntentKind(int(row["kind"])).name.lower()
    parts = [_time(int(row["now_ns"])), kind, one.symbol]
    if row["side"]:
        parts.append("buy" if row["side"] > 0 else "sell")
    if row["size"]:
        parts.append(f"{size}")
    if row["price"]:
        parts.append(f"at {price}")
    if row["target_id"]:
        parts.append(f"of intent {int(row['target_id'])}")
    for name, words in (("order_type", OrderType), ("time_in_force", TimeInForce)):
        if row[name]:
            parts.append(words(int(row[name])).name)
    parts += [f"{name} {row[name]}" for name in ("timeout_ns", "signal", "algorithm", "flags") if row[name]]
    return " ".join(parts)


def differences_of(
    whole: Outcome, parts: Sequence[tuple[Cut, Outcome]], instruments: Mapping[int, Instrument]
) -> tuple[Difference, ...]:
    """The differences of all cuts."""
    found = (difference(whole, part, cut, instruments) for cut, part in parts)
    return tuple(one for one in found if one is not None)


def _time(at_ns: int) -> str:
    """A time with all its digits."""
    seconds, rest = divmod(at_ns, BILLION)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
