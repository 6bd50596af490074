"""An import beside what a recorder wrote: one row for each print, and the recorder's is never replaced."""

import numpy as np
import pytest

from engine.imports.errors import ImportRefusedError
from engine.model.records import TICK
from engine.model.words import TickKind
from engine.recorder.store.run import run
from tests.engine.imports.conftest import LATER_NS, START_MS, Imports, Unflushed, trades
from tests.engine.recorder.conftest import Market, Recorders, kill, market, recorder

__all__ = ["market", "recorder"]  # fixtures
MS = 10**6


def record(imports: Imports, market: Market, recorder: Recorders, numbers: list[int]) -> None:
    """Prints with these numbers, as `trades` has them, published 3 ms after the venue's time."""
    rows = np.zeros(len(numbers), TICK.dtype)
    rows["detail"] = numbers
    rows["price"] = [3_000_000 + number % 5 for number in numbers]
    rows["size"] = [number % 9 + 1 for number in numbers]
    rows["side"] = [1 if number % 2 else -1 for number in numbers]
    rows["venue_ns"] = [(START_MS + number * 100) * MS for number in numbers]
    rows["receive_ns"] = rows["publish_ns"] = rows["venue_ns"] + 3 * MS
    rows["kind"], rows["instrument"] = TickKind.PRINT, 1
    life = recorder(lanes=("ticks",))
    market.ticks.publish_bytes(rows.tobytes())
    life.drain(1)
    kill(life)
    imports.directory.mkdir()
    (imports.place / "parts").rename(imports.directory / "parts")
    run(imports.directory, LATER_NS, every=True, disk=Unflushed())


def test_an_archive_fills_the_gap_of_a_recording(imports: Imports, market: Market, recorder: Recorders) -> None:
    """What the recorder lost is added, what it has is not doubled."""
    record(imports, market, recorder, [*range(1, 100), *range(150, 200)])
    report = imports.csv("trades", *trades(1, 199)).report
    assert (report.accepted, report.duplicates_in_history) == (50, 149)
    assert [row[0] for row in imports.rows("ticks", "detail")] == list(range(1, 200))


def test_a_recorded_row_is_never_replaced(imports: Imports, market: Market, recorder: Recorders) -> None:
    """What was seen live is evidence; a file that differs is refused, whatever is asked for."""
    record(imports, market, recorder, list(range(1, 101)))
    other = trades(1, 100)
    other[51] = other[51].replace("30000.", "31000.")
    with pytest.raises(ImportRefusedError, match=r"line 52: .* the history \(ticks\.feed\) has"):
        imports.csv("trades", *other, replace=True)
    assert len(imports.rows("ticks", "price")) == 100
