"""Trials that share a pass over the data: the table of trials that run one by one, whatever happens in the pass."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from bench.market import made
from research.simulate.samples import Quoter
from research.sweep import sweep
from research.sweep.run import forks
from research.sweep.run.passes import VARIANTS_MOST, Ended, Pass, Passes, Trial, is_compiled, size_of
from research.sweep.run.state import state_of
from tests.research.sweep.cases import described, driven
from tests.research.sweep.strategies import AtBars, Every, Heavy, Remembers

QUOTES = {"strategy": Quoter, "space": {"size": [1, 2], "every": [5, 20, 50]}, "called": "event"}
Tables = Callable[..., tuple[bytes, list[int]]]


@pytest.fixture
def table_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Runs a sweep in a place of its own: the bytes of its table, and the sizes of the passes that began."""
    start, count = forks.Forks.start, iter(range(99))

    def run(workers: int, variants: int, **changed: Any) -> tuple[bytes, list[int]]:
        sizes = list[int]()

        def noted(pool: forks.Forks, trials: Pass) -> None:
            sizes.append(len(trials))
            start(pool, trials)

        monkeypatch.setattr(forks.Forks, "start", noted)
        return driven(described(tmp_path / str(next(count)), **changed), workers, variants), sizes

    return run


def test_trials_in_one_pass_have_the_bytes_of_single_runs(table_of: Tables) -> None:
    """Speed is no reason for other numbers."""
    alone, singles = table_of(1, 1)
    assert singles == [1] * 12
    for workers, variants, sizes in ((1, 5, [5, 5, 2]), (2, 4, [4, 4, 4]), (8, 99, [12])):
        assert table_of(workers, variants) == (alone, sizes)


def test_a_compiled_strategy_shares_passes_without_being_asked(table_of: Tables, tmp_path: Path) -> None:
    """Its pass over the data is most of its work; a Python class may keep state in its module."""
    alone, _ = table_of(1, 1, **QUOTES)
    assert table_of(2, 0, **QUOTES) == (alone, [2, 2, 2])
    compiled, python = described(tmp_path, **QUOTES).read(), described(tmp_path).read()
    assert [size_of(compiled, 0, trials, 2) for trials in (1, 6, 64, 9_999)] == [1, 2, 16, VARIANTS_MOST]
    assert [size_of(python, variants, 64, 2) for variants in (0, 5)] == [1, 5]
    assert not is_compiled(type("Derived", (Quoter,), {}))


def test_bars_are_made_for_each_trial_of_a_pass(table_of: Tables, tmp_path: Path) -> None:
    """Bars have one reader; shared, they would reach the first trial alone."""
    slow = made(2_000)
    for name in ("venue_ns", "receive_ns"):
        slow[name] += 100 * (slow[name] - slow[name][0])
    options = {"strategy": AtBars, "bars": ["1s"], "space": {"every": [1, 2, 3]}, "data": slow}
    alone, _ = table_of(1, 1, **options)
    assert table_of(1, 3, **options) == (alone, [3])
    fills = pq.read_table(next((tmp_path / "1" / "registry").glob("*.parquet")))["fills"].to_pylist()
    assert fills[0] > fills[1] > fills[2] > 0


def test_a_trial_that_fails_is_a_row_and_the_others_of_its_pass_have_theirs(table_of: Tables, tmp_path: Path) -> None:
    """An error must not cost the results of trials that only share its pass."""
    space = {"every": [3], "fault": ["", "raise", "exit", "die"]}
    alone, _ = table_of(2, 1, space=space)
    found, sizes = table_of(2, 4, space=space)
    assert found == alone
    assert sizes[0] == 4
    errors = pq.read_table(next((tmp_path / "1" / "registry").glob("*.parquet")))["error"].to_pylist()
    deaths = "its process ended 2 times without a result"
    assert [one.partition(":")[0] for one in errors] == ["", "RuntimeError", "SystemExit", deaths]


def test_a_strategy_that_keeps_state_in_its_module_runs_one_by_one(
    table_of: Tables, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its trials would change one another's numbers, and the table would depend on the size of a pass."""
    options = {"strategy": Remembers, "space": {"every": [1, 3], "size": [1, 2]}}
    alone, _ = table_of(1, 1, **options)
    assert table_of(1, 4, **options) == (alone, [4, 2, 1, 1, 1, 1])
    assert "Remembers keeps state outside its object: in a module, a class" in capfd.readouterr().err


@pytest.mark.parametrize("change", ["SEEN.append(1)", "KNOWN['mine'] = 1", "Mine.last = 1", "random.random()"])
def test_a_change_outside_the_object_of_a_strategy_is_seen(change: str) -> None:
    """Most authors who forget a global do not know that they have one."""
    module = ModuleType("mine_with_state")
    exec("import random, sys\nSEEN, KNOWN = [], {}\nclass Mine:\n    last = 0", vars(module))  # noqa: S102
    before = state_of([module])
    assert state_of([module]) == before
    exec(change, vars(module))  # noqa: S102
    assert state_of([module]) != before


def test_a_pass_without_memory_gets_smaller(table_of: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many variants keep many orders; a machine that swaps, or kills the live engine, is worse than a slow sweep."""
    options = {"strategy": Heavy, "space": {"every": [3, 5, 7, 11, 13, 17]}}
    alone, _ = table_of(1, 1, **options)
    monkeypatch.setattr(forks, "PASS_BYTES", 1)
    found, sizes = table_of(1, 6, **options)
    assert found == alone
    assert (sizes[0], sizes[-1]) == (6, 1)


def test_the_speed_engine_has_one_trial_in_a_pass(table_of: Tables) -> None:
    """Its roles have one strategy and one account."""
    options = {"speed": "engine", "space": {"every": [40, 60]}}
    assert table_of(2, 2, **options)[1] == [1, 1]


def test_a_pass_that_fails_is_halved_and_later_ones_only_without_memory() -> None:
    """One bad combination must not make the whole sweep slow; passes that do not fit must not be tried again."""
    trials = tuple(Trial(number, {}) for number in range(8))
    passes = Passes(trials, 4)
    passes.halve(Ended(passes.next(), []))
    assert [passes.next() for _ in range(2)] == [trials[:2], trials[2:4]]
    assert passes.size == 4
    passes.halve(Ended(passes.next(), [], "signal 9"))
    assert [passes.next() for _ in range(2)] == [trials[4:6], trials[6:]]
    assert passes.size == 2
    assert not passes


def test_a_wrong_number_of_variants_is_refused_by_name(tmp_path: Path) -> None:
    """The driver would fail later, without its user."""
    with pytest.raises(ValueError, match="variants: found 0, expected a number from 1 on"):
        sweep("day.npy", Every, variants=0, home=tmp_path)
