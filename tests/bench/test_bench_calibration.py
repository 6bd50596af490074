"""The calibration program finds the loopback's own fills again, and would notice a simulation that fills too often."""

import json
import sys

import pytest

from bench.calibration import (
    DEFAULTS,
    FAMILIES,
    FILL_GOAL,
    FLOWS,
    TIME_GOAL,
    Outcome,
    Recording,
    happened,
    main,
    simulated,
)
from engine.model.words import TickKind


def errors(truth: Outcome, found: Outcome) -> tuple[float, float]:
    """Both errors."""
    return abs(found.filled / truth.filled - 1), abs(found.waited_ns / truth.waited_ns - 1)


@pytest.mark.parametrize("flow", sorted(FLOWS))
def test_a_simulation_fills_resting_orders_as_the_loopback_did(flow: str) -> None:
    """A simulated maker that is filled sooner or more often than a real one earns what no account will."""
    recording = Recording(FLOWS[flow], 3, 200)
    truth = happened(recording)
    assert truth.orders_filled > 50
    for name, models in FAMILIES.items():
        found = simulated(recording.events, recording.plan, models)
        fill, time = errors(truth, found)
        if name == DEFAULTS:
            assert truth.filled * 0.8 < found.filled <= truth.filled * 1.01, "conservative: fewer fills than there were"
            continue
        assert fill <= FILL_GOAL, name
        assert time <= TIME_GOAL, name


def test_a_simulation_without_the_queue_would_be_noticed() -> None:
    """With levels of no size, every order is the first of its queue: the comparison must not agree."""
    recording = Recording(FLOWS["dense"], 3, 200)
    events = recording.events
    events["size"][(events["kind"] == TickKind.LEVEL) & (events["size"] > 0)] = 1
    _, time = errors(happened(recording), simulated(events, recording.plan, FAMILIES["conservative"]))
    assert time > TIME_GOAL


def test_the_program_prints_both_errors_of_each_family(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader finds the figures by market and family."""
    monkeypatch.setattr(sys, "argv", ["calibration", "--json", "--quick"])
    main()
    report = json.loads(capsys.readouterr().out)
    assert all("fill_rate_error" in report[flow][name] for flow in FLOWS for name in FAMILIES)
