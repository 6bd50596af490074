"""The rows that a model learns from: recorded prints as bars, features at the end of each, and its label.

A bar is known at its end. Its features read this bar and earlier ones; its label begins at its close.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np

from engine.indicators.catalogue import make
from engine.indicators.code import code_of
from engine.indicators.definition import Kind
from engine.model.words import TickKind
from research.bars.source import length_of
from research.history import history
from research.train import labels
from research.train.labels import Labels, Row, Times
from research.train.plan import Data, Label, Plan
from research.train.scaling import Table


class Prints(NamedTuple):
    """What was traded, in the order of time."""

    at_ns: Times
    price: Row
    size: Row


class Samples(NamedTuple):
    """One row for each bar whose features and label are known."""

    at_ns: Times
    known_ns: Times
    rows: Table
    value: Row
    code: dict[str, str]  # of each feature
    manifest: dict[str, str | int]


def samples_of(plan: Plan) -> Samples:
    """Read the history; ValueError where it has too little."""
    prints = _prints(plan.data)
    bars = bars_of(prints, length_of(plan.data.interval))
    rows = np.column_stack([feature(name, bars) for name in plan.features])
    label = label_of(plan.label, bars["end_ns"], bars["close"])
    warm = np.isfinite(rows).all(axis=1).argmax() if len(rows) else 0  # the first rows only: later gaps are data
    keep = np.isfinite(label.value) & (np.arange(len(rows)) >= warm)
    if not keep.any() or not np.isfinite(rows[warm]).all():
        raise ValueError(
            f"{plan.data.symbol}: {len(prints.at_ns)} prints make {len(rows)} bars of {plan.data.interval}, none with"
            " every feature and an outcome: expected more data, a shorter interval, window or horizon"
        )
    manifest = _manifest(prints, len(rows))
    code = {name: code_of(name) for name in plan.features}
    return Samples(bars["end_ns"][keep], label.known_ns[keep], rows[keep], label.value[keep], code, manifest)


def bars_of(prints: Prints, interval_ns: int) -> dict[str, Any]:
    """Bars by the clock; an interval without a print has none."""
    place = prints.at_ns // interval_ns
    first = np.flatnonzero(np.diff(place, prepend=place[:1] - 1))
    if not len(first):
        return {name: np.zeros(0) for name in ("open", "high", "low", "close", "volume")} | {
            "end_ns": np.zeros(0, np.int64)
        }
    last = np.append(first[1:], len(place)) - 1
    return {
        "end_ns": (place[first] + 1) * interval_ns, "open": prints.price[first], "close": prints.price[last],
        "high": np.maximum.reduceat(prints.price, first), "low": np.minimum.reduceat(prints.price, first),
        "volume": np.add.reduceat(prints.size, first),
    }  # fmt: skip


def feature(name: str, bars: dict[str, Any]) -> Row:
    """A feature over bars; NaN until it is warm."""
    one = make(name)
    if type(one).definition.kind not in (Kind.PRICE, Kind.BAR):
        raise ValueError(f"feature {name}: it reads a {type(one).definition.kind}, expected one that reads bars")
    return one.over(*(bars["close" if column == "price" else column] for column in one.inputs))


def label_of(label: Label, at_ns: Times, close: Row) -> Labels:
    """The label of a plan."""
    if label.kind == "fixed":
        return labels.fixed(at_ns, close, length_of(label.horizon))
    if label.kind == "trend":
        return labels.trend(at_ns, close, label.spans)
    return labels.barriers(at_ns, close, label.width, length_of(label.horizon), up=label.up, down=label.down)


def _prints(data: Data) -> Prints:
    """The prints of the history."""
    columns = ("publish_ns", "kind", "price", "size")
    parts = []
    for batch in history(
        "ticks", data.symbol, data.venue, data.start, data.end, columns=columns, system=data.system,
        directory=data.directory,
    ):  # fmt: skip
        found = {name: np.asarray(batch.column(name)) for name in columns}
        traded = found["kind"] == TickKind.PRINT
        at = found["publish_ns"].astype("datetime64[ns]").astype(np.int64)
        parts.append([at[traded], found["price"][traded], found["size"][traded]])
    if not sum(len(part[0]) for part in parts):
        raise ValueError(f"{data.venue} {data.symbol}: no print is recorded in this range: expected some")
    return Prints(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _manifest(prints: Prints, bars: int) -> dict[str, str | int]:
    """What the data was: any other print has another hash."""
    found = hashlib.blake2b(digest_size=16)
    for column in prints:
        found.update(np.ascontiguousarray(column).tobytes())
    first, last = int(prints.at_ns[0]), int(prints.at_ns[-1])
    return {"prints": len(prints.at_ns), "bars": bars, "first_ns": first, "last_ns": last, "hash": found.hexdigest()}
