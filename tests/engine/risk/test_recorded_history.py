"""A history from the recorder's store: the same bars give the same returns as a file, and a hole in it is no bar."""

import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import ConfigError, load
from engine.model.aggregates import BAR
from engine.model.fixed import INT64_MAX
from engine.model.words import BarFlag, Reason
from engine.recorder.part import Head
from engine.recorder.store.columns import batch_of, day_text
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import Manifest
from engine.recorder.store.seal import FileWriter, Gaps
from engine.risk.history import read_history
from engine.risk.history.followed import LOOK_NS, FollowedReturns
from engine.risk.history.recorded import PREFIX
from engine.risk.history.returns import returns_by_day
from tests.engine.execution.memory import START_NS
from tests.engine.execution.test_caps_in_execution import made, verdict
from tests.engine.recorder.conftest import BTC

DAY_NS, MINUTE_NS, MS = 86_400_000_000_000, 60_000_000_000, 1_000_000
TODAY = START_NS // DAY_NS
KNOWN = {1: ("binance", "BTCUSDT", 2, 3), 9: ("kraken", "BTCUSDT", 1, 8)}


def bars(day: int, closes: list[int], *, instrument: int = 1, interval_ns: int = MINUTE_NS, flags: int = 1) -> Any:
    """The last bars of a day, one a minute."""
    rows = np.zeros(len(closes), BAR.dtype)
    rows["start_ns"] = (day + 1) * DAY_NS - np.arange(len(closes), 0, -1) * MINUTE_NS
    rows["publish_ns"], rows["interval_ns"] = rows["start_ns"] + interval_ns - 1, interval_ns
    rows["close"], rows["volume_low"], rows["flags"] = closes, 1_500, flags
    rows["instrument"], rows["price_decimals"], rows["size_decimals"] = instrument, *KNOWN[instrument][2:]
    return rows


def store(directory: Path, name: str, rows: Any) -> None:
    """Add a file to the store's bars."""
    kind = directory / "store" / "bars"
    head = Head("bars", "feed", "ring", BAR.name, BAR.size, BAR.descr, "ab" * 16, 0, 0, KNOWN)
    venue = KNOWN[int(rows["instrument"][0])][0]
    writer = FileWriter(kind, venue, day_text(int(rows["publish_ns"][0]) // DAY_NS), f"{name}.parquet")
    writer.add(batch_of(head, rows, np.arange(len(rows))), "publish_ns")
    manifest, file = Manifest.load(kind), writer.finish(Disk(), Gaps(), ("made",))
    manifest.files[file.path] = file
    manifest.save(Disk())


def test_the_same_bars_give_the_same_returns_as_a_file(tmp_path: Path) -> None:
    """A limit must not depend on where its history lies."""
    lines = ["time_ms,symbol,close\n"]
    for day in range(TODAY - 30, TODAY):
        close = 6_000_000 + 1_000 * (day % 7)
        store(tmp_path, f"a{day}", bars(day, [1, 2, close]))
        lines.append(f"{((day + 1) * DAY_NS - MINUTE_NS) // MS},BTCUSDT,{Decimal(close).scaleb(-2)}\n")
    (tmp_path / "file.csv").write_text("".join(lines))
    both = [read_history(path, [BTC], "close") for path in (f"{PREFIX}{tmp_path}", str(tmp_path / "file.csv"))]
    recorded, filed = (returns_by_day(one, 1) for one in both)
    assert recorded == filed
    assert len(recorded) == 29


def test_bars_of_a_second_cost_no_object_each(tmp_path: Path) -> None:
    """A file has 86,400 of them a day and instrument: a text for each holds execution up for seconds a day."""
    every = np.concatenate([bars(TODAY - 2, [700] * 40_000, interval_ns=10**9), bars(TODAY - 2, [600])])
    every["publish_ns"] = every["start_ns"][-1] + MINUTE_NS - 1
    store(tmp_path, "a", every)
    read_history(f"{PREFIX}{tmp_path}", [BTC], "close")
    tracemalloc.start()
    found = read_history(f"{PREFIX}{tmp_path}", [BTC], "close").bars(1, 0, INT64_MAX)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.close for one in found] == [Decimal(6)]
    assert peak < 1 << 20


def test_only_whole_closed_minutes_of_the_own_venue_count(tmp_path: Path) -> None:
    """A bar that lacks prints, is open, of five minutes, or of another venue is another number."""
    day = TODAY - 5
    store(tmp_path, "a", bars(day, [700], flags=BarFlag.CLOSED | BarFlag.PARTIAL))
    store(tmp_path, "b", bars(day, [701], flags=0))
    store(tmp_path, "c", bars(day, [702], interval_ns=5 * MINUTE_NS))
    store(tmp_path, "d", bars(day, [703], instrument=9))
    store(tmp_path, "e", bars(day, [600, 601])[:1])
    found = read_history(f"{PREFIX}{tmp_path}", [BTC], "close").bars(1, 0, INT64_MAX)
    assert [one.close for one in found] == [Decimal("6.00")]


def test_a_minute_that_was_recorded_twice_counts_once(tmp_path: Path) -> None:
    """Live and backfilled bars of a minute are one minute's volume."""
    store(tmp_path, "a", bars(TODAY - 2, [600, 601, 602]))
    store(tmp_path, "b", bars(TODAY - 2, [600, 601, 602]))
    found = read_history(f"{PREFIX}{tmp_path}", [BTC], "volume").bars(1, 0, INT64_MAX)
    assert [one.volume for one in found] == [Decimal("1.500")] * 3


def test_a_store_without_a_day_refuses_entries_until_it_has_some(tmp_path: Path) -> None:
    """A new system has no history: its limit must not be silently off. A backfill adds it while execution runs."""
    path = f"{PREFIX}{tmp_path / 'history'}"
    house = made(tmp_path / "journal", var_limit_1d_95="1000000", var_history=path, var_window_days=20)
    assert verdict(house) == Reason.NO_HISTORY
    for day in range(TODAY - 25, TODAY):
        store(tmp_path / "history", f"a{day}", bars(day, [6_000_000 - 1_000 * (day % 3)]))
    house.run(60, LOOK_NS // 4)
    house.ready()
    assert verdict(house) == Reason.APPROVED


def test_a_damaged_manifest_leaves_the_returns_before_it_in_force(tmp_path: Path) -> None:
    """A bad sector must not end execution."""
    for day in range(TODAY - 4, TODAY):
        store(tmp_path, f"a{day}", bars(day, [6_000_000]))
    returns = FollowedReturns(f"{PREFIX}{tmp_path}", [BTC])
    before = returns.scenarios((1,), TODAY, 20).days
    manifest = tmp_path / "store" / "bars" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows":', b'"rowz":', 1))
    for step in range(10):
        returns.step(START_NS + step * LOOK_NS)
    assert returns.scenarios((1,), TODAY, 20).days == before
    with pytest.raises(ValueError, match="line 1 is damaged"):
        FollowedReturns(f"{PREFIX}{tmp_path}", [BTC])


CONFIG = """
[system]
name = "recorded"
state_directory = "{place}"
[risk]
var_history = "recorder"
[execution]
volume_profile = "recorder"
"""


def test_the_word_recorder_is_the_directory_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Execution reads where the recorder writes, also when a key moves that."""
    monkeypatch.delenv("STEELYARD_STATE_DIRECTORY", raising=False)
    file = tmp_path / "system.toml"
    file.write_text(CONFIG.format(place=tmp_path) + f'[recorder]\ndirectory = "{tmp_path}/elsewhere"\n')
    config = load(file)
    assert config.risk["var_history"] == config.execution["volume_profile"] == f"{PREFIX}{tmp_path}/elsewhere"
    file.write_text(CONFIG.format(place=tmp_path))
    with pytest.raises(ConfigError, match=r"risk\.var_history.*expected the table \[recorder\] too"):
        load(file)
