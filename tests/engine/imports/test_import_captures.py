"""Recorded traffic as rows of the history: those that the live feed published."""

import os
from pathlib import Path

import numpy as np
import pytest

import shm
from engine.imports.errors import ImportRefusedError
from engine.imports.formats.capture import Capture
from engine.imports.listing import Listing, parse
from engine.model.words import BookState, Flag, TickKind
from tests.engine.feed.replay.test_replay import CAPTURES, needs_captures, session, theatre, with_rest, write
from tests.engine.imports.conftest import Imports

FINE = Listing([parse("main:BTCUSDT,price=0.0001,size=0.00001,id=3")])


def test_a_recording_gives_the_ticks_of_its_replay(imports: Imports, tmp_path: Path) -> None:
    """What was recorded byte for byte and what was recorded as rows must be the same history."""
    path = write(tmp_path / "day.sycap", *with_rest(session()))
    report = imports.run(Capture(FINE, "binance", "main"), path).report
    found = imports.rows("ticks", "receive_ns", "kind", "side", "price", "size", "flags")
    with theatre(tmp_path) as made:
        ticks = made.play(made.stage([path], "main", "binance", {"BTCUSDT": 3}))
    names = ("receive_ns", "kind", "side", "price", "size", "flags")
    more = np.where(ticks["kind"] == TickKind.BEST, 1, 0)
    ticks["price"] *= np.where(more, 10**2, 1)  # the recording's numbers have two decimals and none
    ticks["size"] *= np.where(more, 10**5, 1)
    kept = ticks[ticks["flags"] & Flag.REFRESH == 0]
    assert found == sorted(zip(*(kept[name].tolist() for name in names), strict=True), key=lambda row: row[0])
    assert report.notes == []
    levels = imports.rows("levels", "kind", "price", "size", "detail")
    assert (int(TickKind.LEVEL), 1_000_000, 200_000, 100_000) in levels
    assert levels[-1][3] == BookState.DISCONNECTED


def test_a_recording_is_imported_once_and_leaves_no_segment(imports: Imports, tmp_path: Path) -> None:
    """A second run, and the segments of a killed one, change nothing."""
    path = write(tmp_path / "day.sycap", *with_rest(session()))
    form = Capture(FINE, "binance", "main")
    imports.run(form, path)
    before = imports.bytes()
    assert imports.run(form, path).known
    assert imports.bytes() == before
    assert f"import-{os.getpid()}" not in shm.systems()


def test_a_wrong_interface_is_refused(imports: Imports, tmp_path: Path) -> None:
    """Frames of one venue that another's scanner reads are no market."""
    path = write(tmp_path / "day.sycap", *with_rest(session()))
    with pytest.raises(ValueError, match=r"venue must be one of .*, was 'nowhere'"):
        Capture(Listing(), "nowhere")
    with pytest.raises(ImportRefusedError, match="no frame of kraken"):
        imports.run(Capture(Listing(), "kraken"), path)


@needs_captures
def test_a_recording_without_wall_times_is_refused(imports: Imports) -> None:
    """A counter of nanoseconds since a boot is no time of a history."""
    with pytest.raises(ImportRefusedError, match="no wall times"):
        imports.run(Capture(Listing(), "kraken"), CAPTURES / "kraken" / "kraken_minagbp_d25_20260816.ndjson")
