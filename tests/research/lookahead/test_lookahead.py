"""Twelve and more ways to know the future are found, and as many clean strategies pass."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import research
from bench.market import BEGIN_NS, BTC, made
from research.experiment import experiment_of
from research.experiment.code import ROOT
from research.lookahead import NotTestedError, Report
from research.lookahead.runner import CannotTestError, compare
from research.lookahead.tape import Job, Spec
from research.simulate import Constant, Drawn, Fees, Models, save

LEAKS, CLEAN = "tests.research.lookahead.leaks", "tests.research.lookahead.clean"
MODELS = Models(Constant(1_000_000), Drawn([1_000_000, 30_000_000, 7_000_000], 3), Fees.flat("0.0002", "0.0005"))
FEED_NS = 150_000_000
CUTS = 8


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made day of half a minute, in a file; an event arrives after some later ones have happened."""
    events = made(1_500)
    events["venue_ns"] = BEGIN_NS + (events["venue_ns"] - BEGIN_NS) * 200
    events["receive_ns"] = events["venue_ns"] + FEED_NS
    path = tmp_path_factory.mktemp("day") / "day.npy"
    save(path, events)
    return path


def report_of(day: Path, strategy: str, prepare: str = "", folder: Path | None = None, **options: Any) -> Report:
    """Test in this process, which never imports the strategy."""
    module = strategy.partition(":")[0]
    experiment = experiment_of(strategy, str(day), [BTC], MODELS, **options)
    job = Job(Spec(experiment, f"{module}:{prepare}" if prepare else ""), CUTS, (str(day),))
    return compare(job, folder or day.parent)


@pytest.mark.parametrize(
    ("strategy", "prepare"),
    [
        ("Follows", "future_bar"),
        ("Follows", "centred_window"),
        ("Follows", "fit_on_all_data"),
        ("Follows", "label_of_the_bar_s_begin"),
        ("Follows", "global_normalisation"),
        ("Follows", "filled_from_the_future"),
        ("Follows", "sorted_by_exchange_time"),
        ("Follows", "high_of_the_day"),
        ("Follows", "joined_one_row_late"),
        ("Follows", "rank_of_the_day"),
        ("Follows", "best_parameter_of_the_day"),
        ("Follows", "cached_on_disk"),
        ("AtItsOwnClose", "closes"),
        ("KnowsTheEnd", "end_of_the_data"),
        ("ReadsTheFile", ""),
        ("ReadsTheGivenFile", ""),
    ],
)
def test_a_planted_leak_is_found(day: Path, strategy: str, prepare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy that knows the future earns in every simulation and loses live."""
    monkeypatch.setenv("STEELYARD_TEST_DAY", str(day))
    parameters = {"file": str(day)} if strategy == "ReadsTheGivenFile" else {}
    report = report_of(day, f"{LEAKS}:{strategy}", prepare, parameters=parameters)
    assert not report.passed, report
    assert report.opened == ((str(day),) if strategy == "ReadsTheFile" else ())
    assert report.kept == ((str(day.with_name("cache.npy")),) if prepare == "cached_on_disk" else ())
    assert report.differences or report.opened or report.kept
    assert report.intents > CUTS
    assert len(report.skipped) <= 1  # a cut before the first print


@pytest.mark.parametrize(
    ("strategy", "prepare", "options"),
    [
        (
            "engine.strategy.samples.imbalance_maker:ImbalanceMaker",
            "",
            {"parameters": {"size": "0.1", "position_max": "1"}},
        ),
        (
            "engine.strategy.samples.momentum_taker:MomentumTaker",
            "",
            {"parameters": {"size": "0.1", "entry": 0.2, "exit": 0.1}},
        ),
        ("research.simulate.samples:Quoter", "", {"parameters": {"size": 1000, "every": 20}, "called": "event"}),
        (f"{CLEAN}:Follows", "means_of_the_past", {}),
        (f"{CLEAN}:Follows", "normalised_by_the_past", {}),
        (f"{CLEAN}:Follows", "bars_from_their_end", {}),
        (f"{CLEAN}:Follows", "filled_from_the_past", {}),
        (f"{CLEAN}:RandomBySeed", "", {}),
        (f"{CLEAN}:Adaptive", "", {}),
        (f"{CLEAN}:OnASchedule", "", {}),
        (f"{CLEAN}:Saves", "", {}),
        (f"{CLEAN}:OnATimer", "", {}),
        (f"{CLEAN}:WritesALog", "", {}),
        (f"{CLEAN}:OnPrints", "", {}),
        (f"{CLEAN}:OnFills", "", {}),
        (f"{CLEAN}:OnBars", "", {"bars": ("1s",)}),
        (f"{CLEAN}:PastOfTheFile", "", {}),
    ],
)
def test_a_clean_strategy_passes(
    day: Path, strategy: str, prepare: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test with false alarms is switched off."""
    monkeypatch.setenv("STEELYARD_TEST_DAY", str(day))
    if strategy.endswith("PastOfTheFile"):
        options = {"parameters": {"file": str(day)}}
    report = report_of(day, strategy, prepare, **options)
    assert report.passed, report
    assert report.intents > 4
    assert report.cuts >= CUTS // 2


def test_the_report_names_the_first_decision_with_both_versions(day: Path) -> None:
    """Without the place, an author searches the whole strategy."""
    report = report_of(day, f"{LEAKS}:Follows", "high_of_the_day")
    first = report.differences[0]
    assert first.with_all_data != first.with_cut_data
    assert first.until_ns > BEGIN_NS
    text = str(report)
    assert f"the first after event {first.events}, before 2023-11-14T" in text
    assert f"in intent {first.intent}\n    with all data: " in text
    shown = first.with_all_data or first.with_cut_data
    assert "place BTCUSDT buy 0.10000 at 600" in shown or "place BTCUSDT sell" in shown


def test_what_cannot_be_compared_is_no_pass(day: Path) -> None:
    """A test that compared nothing must not look like one that found nothing."""
    with pytest.raises(CannotTestError, match="two runs on the same data differ"):
        report_of(day, f"{CLEAN}:Clocked")
    with pytest.raises(CannotTestError, match="submits no intent"):
        report_of(day, f"{CLEAN}:Silent")
    with pytest.raises(CannotTestError, match=r"the run on all data failed: AttributeError: .*nothing_there"):
        report_of(day, f"{CLEAN}:Follows", "nothing_there")


def test_a_computed_parameter_is_refused(day: Path) -> None:
    """An array that was made of all data cannot be cut."""
    with pytest.raises(ValueError, match=r"parameter `values`: found ndarray, expected .* make it in `prepare`"):
        research.lookahead(
            day, f"{LEAKS}:Follows", instruments=[BTC], models=MODELS, parameters={"values": np.zeros(3)}
        )


def test_the_command_prints_the_leak_and_its_exit_code(day: Path) -> None:
    """A check in a script reads the exit code."""
    fields = {name: getattr(BTC, name) for name in BTC.__slots__}
    lines = [f"{name} = {str(one).lower() if isinstance(one, bool) else repr(one)}" for name, one in fields.items()]
    config = day.parent / "test.toml"
    config.write_text("\n".join(["[[instruments]]", *lines]))
    command = [sys.executable, "-m", "research.lookahead", "--config", config, "--data", day, "--cuts", "4"]
    leak = [f"{LEAKS}:Follows", "--prepare", f"{LEAKS}:future_bar"]
    found = subprocess.run([*command, *leak], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (1, "")
    assert "LOOK-AHEAD" in found.stdout


def test_a_notebook_calls_it_as_a_function(day: Path) -> None:
    """It is one call, with the class, after a change of the strategy's file too."""
    report = research.lookahead(day, f"{CLEAN}:RandomBySeed", instruments=[BTC], models=MODELS, cuts=4)
    assert report.passed
    assert "4 cuts: no look-ahead found" in str(report)
    with pytest.raises(NotTestedError, match="submits no intent"):
        research.lookahead(day, f"{CLEAN}:Silent", instruments=[BTC], models=MODELS)
