"""Retention: a day that is too old is removed whole, is known as removed, and nothing else is touched."""

import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from engine import log
from engine.config.tables import Recorder
from engine.recorder import check_table, keep_of
from engine.recorder.locks import PARTS, STORE
from engine.recorder.sealer import command_of
from engine.recorder.store.__main__ import main as seal_main
from engine.recorder.store.check import problems
from engine.recorder.store.manifest import Manifest
from engine.recorder.store.prune import EVERY, day_before, prune_store
from engine.recorder.store.run import run
from research import history
from research.history import PrunedWarning
from tests.engine.recorder.conftest import DAY_NS, NOON_NS, Market, Recorders
from tests.engine.recorder.test_store import LATER_NS, Dying, Killed, Unflushed, held, record

FIRST_DAY = time.strftime("%Y-%m-%d", time.gmtime(NOON_NS / 1e9))
SECOND_DAY = time.strftime("%Y-%m-%d", time.gmtime((NOON_NS + DAY_NS) / 1e9))


@pytest.fixture
def two_days(market: Market, recorder: Recorders, tmp_path: Path) -> Path:
    """Two days of two venues, sealed, with their hot tier."""
    record(market, recorder)
    run(tmp_path, LATER_NS, heated=("ticks",), disk=Unflushed())
    return tmp_path


def days(directory: Path) -> set[str]:
    """The days that have a file."""
    return {
        path.parent.name.removeprefix("day=")
        for path in directory.glob("store/ticks/**/*")
        if path.is_file() and "day=" in str(path)
    }


def test_a_pruned_day_is_counted_as_removed_and_not_as_lost(two_days: Path) -> None:
    """An operator who prunes to free the disk must not be told of a damaged history."""
    before = Manifest.load(two_days / STORE / "ticks").partitions()
    rows = {day: sum(one.rows for one in files) for (_, day), files in before.items()}
    found = prune_store(two_days, {EVERY: SECOND_DAY}, Unflushed())
    manifest = Manifest.load(two_days / STORE / "ticks")
    assert days(two_days) == {SECOND_DAY}
    assert {one.day for _, one in found} == {FIRST_DAY}
    assert [(kind, one) for kind, one in found] == [("ticks", one) for one in manifest.pruned]
    assert {one.rows for one in manifest.pruned} == {rows[FIRST_DAY]}
    assert all(one.crc and one.first_ns <= one.last_ns for one in manifest.pruned)
    assert list(problems(two_days / PARTS, two_days / STORE)) == []


def test_a_dry_run_removes_nothing(two_days: Path) -> None:
    """A wrong day must be seen before it costs a year of data."""
    before = {path: path.read_bytes() for path in two_days.rglob("*") if path.is_file()}
    assert len(prune_store(two_days, {EVERY: SECOND_DAY}, dry=True)) == 2
    assert before == {path: path.read_bytes() for path in two_days.rglob("*") if path.is_file()}


def test_a_kind_whose_days_are_all_kept_is_kept_beside_others_that_are_not(two_days: Path) -> None:
    """`keep_days = 30` with `keep_days_of = { ticks = 0 }` keeps the ticks for good."""
    keep = keep_of(Recorder(keep_days=3, keep_days_of={"ticks": 0}))
    assert prune_store(two_days, day_before(keep, LATER_NS)) == []
    assert days(two_days) == {FIRST_DAY, SECOND_DAY}


def test_what_is_not_sealed_is_not_touched(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A part has rows that exist nowhere else."""
    total = record(market, recorder)
    assert prune_store(tmp_path, {EVERY: "2999-01-01"}) == []
    assert held(tmp_path) == Counter(range(total))


def test_today_is_never_removed(two_days: Path) -> None:
    """A day in the future names every day, and the present one is being written."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert all(one.day < today for _, one in prune_store(two_days, {EVERY: "2999-01-01"}, dry=True))
    assert day_before({"ticks": 2, "*": 0}, 20_000 * DAY_NS + 5) == {"ticks": "2024-10-02", "*": ""}


def test_a_death_at_every_effect_leaves_a_whole_history(
    two_days: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Retention runs in a process that is killed at any moment: each day is there, or removed and known as removed."""
    total, effects = sum(one.rows for one in Manifest.load(two_days / STORE / "ticks").files.values()), 0
    work = tmp_path_factory.mktemp("work") / "copy"
    for effects in range(100):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(two_days, work)
        try:
            prune_store(work, {EVERY: SECOND_DAY}, Dying(effects))
        except Killed:
            manifest = Manifest.load(work / STORE / "ticks")
            assert sum(one.rows for one in (*manifest.files.values(), *manifest.pruned)) == total
            assert list(problems(work / PARTS, work / STORE)) == []
            prune_store(work, {EVERY: SECOND_DAY}, Unflushed())
        else:
            break
        assert days(work) == {SECOND_DAY}
        assert list(problems(work / PARTS, work / STORE)) == []
    assert effects > 4


def test_a_history_of_a_pruned_range_says_so(two_days: Path) -> None:
    """A range without its first month would be a shorter market, not a missing one."""
    prune_store(two_days, {EVERY: SECOND_DAY}, Unflushed())
    with pytest.warns(
        PrunedWarning, match=f"ticks: removed by retention, not in this range any more: binance {FIRST_DAY}"
    ):
        found = history("ticks", directory=two_days)
    assert found.pruned == (f"binance {FIRST_DAY}", f"kraken {FIRST_DAY}")
    with (
        pytest.warns(PrunedWarning),
        pytest.raises(ValueError, match="removed by retention, not in this range any more"),
    ):
        history("ticks", end=SECOND_DAY, directory=two_days)
    assert history("ticks", start=SECOND_DAY, directory=two_days).pruned == ()


def test_the_sealing_process_removes_what_the_table_does_not_keep(
    two_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention that only a command does fills the disk in the first holiday."""
    monkeypatch.setattr(log, "begin", lambda _: None)  # the log of this process stays as it is
    keep = keep_of(Recorder(keep_days=0, keep_days_of={"ticks": 3}))
    assert seal_main(list(command_of(str(two_days), (), keep))[3:]) == 0
    assert days(two_days) == set()
    assert len(Manifest.load(two_days / STORE / "ticks").pruned) == 4


def test_a_table_whose_days_would_never_be_removed_is_refused() -> None:
    """The key would be a promise that nothing keeps."""
    with pytest.raises(ValueError, match="keep_days: old days are removed when the parts are sealed"):
        check_table(Recorder(keep_days=30, seal_seconds=0))
    with pytest.raises(ValueError, match="keep_days_of: 'tick': expected lanes of the map"):
        check_table(Recorder(keep_days_of={"tick": 3}))
