"""Each series of the cause `anomaly` over lanes: what is normal is quiet, what is far from it is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.alerts.causes.anomaly import Anomaly
from engine.model import records
from engine.model.words import BookState, OrderState
from tests.engine.alerts.made import Stage, zero

WARM = "anomaly_warm = 60\n"
Plant = Callable[[Stage, bool], None]


def spread(stage: Stage, planted: bool) -> None:
    """The spread of a good book."""
    stage.write("book_tops.feed", instrument=1, state=BookState.GOOD, spread_bps=40.0 if planted else 2.0)


def answer(stage: Stage, planted: bool) -> None:
    """One order, and the venue's answer."""
    row = {one.name: zero(one) for one in records.ORDER.fields}
    sent_ns = stage.now_ns - (50_000_000 if planted else 2_000_000)
    values = {"client_id": b"1234567890123456", "instrument": 1, "sent_ns": sent_ns, "now_ns": stage.now_ns}
    row |= values | {"state": OrderState.OPEN, "answer_ns": stage.now_ns}
    stage.system.rings["orders.execution"].publish(*records.ORDER.row(**row))


def frames(stage: Stage, planted: bool) -> None:
    """The frames of a second."""
    row = records.FRAME.row(**{one.name: zero(one) for one in records.FRAME.fields})
    for _ in range(2_000 if planted else 20):
        stage.system.rings["frames.feed"].publish(*row)


def net(stage: Stage, planted: bool) -> None:
    """A loss of two percent of the equity that stays, or none."""
    stage.write("monitored_account.execution", equity=10_000.0, net=-200.0 if planted else 0.0)


SERIES: dict[str, tuple[Plant, str]] = {
    "spread of binance:BTCUSDT, in bps": (spread, "is unusual: 40, usual is 2"),
    "venue's time to answer execution, in µs": (answer, "is unusual: 5e+04, usual is 20"),
    "rate of frames of feed, a second": (frames, "is unusual: 2000, usual is 20"),
    "loss of execution": (net, "is unusual: 2.00% of the equity in a minute, usual is 0.00% in a minute"),
}


def found(cause: Anomaly, stage: Stage, plant: Plant, seconds: int, *, planted: bool) -> list[dict[str, str]]:
    """What is found in each second."""
    seen = []
    for _ in range(seconds):
        plant(stage, planted)
        seen.append({one.subject: one.what for one in cause.find(stage.tick(1.0))})
    return seen


@pytest.mark.parametrize("subject", SERIES)
def test_an_anomaly_of_each_series_is_found_in_the_third_second_and_ends(tmp_path: Path, subject: str) -> None:
    """Its text has the value, what is usual, and how far it is away."""
    stage, cause, (plant, text) = Stage(tmp_path, WARM), Anomaly(), SERIES[subject]
    assert not any(found(cause, stage, plant, 200, planted=False))
    first, second, third = found(cause, stage, plant, 3, planted=True)
    assert (first, second) == ({}, {})
    assert text in third[subject]
    assert "(z " in third[subject]
    after = found(cause, stage, plant, 90, planted=plant is net)
    assert after[0] == third or subject in after[0]
    assert after[-1] == {}


def test_nothing_is_found_while_the_role_learns_and_with_the_bound_0(tmp_path: Path) -> None:
    """A new life of the role learns again; an operator can end the check."""
    stage, cause = Stage(tmp_path, WARM), Anomaly()
    assert not any(found(cause, stage, spread, 30, planted=False) + found(cause, stage, spread, 20, planted=True))
    off = tmp_path / "off"
    off.mkdir()
    stage, cause = Stage(off, WARM + "anomaly_z = 0\n"), Anomaly()
    assert not any(found(cause, stage, spread, 100, planted=False) + found(cause, stage, spread, 9, planted=True))


def test_a_book_that_is_not_good_is_no_anomaly(tmp_path: Path) -> None:
    """Its spread is not known: another cause reports the book."""
    stage, cause = Stage(tmp_path, WARM), Anomaly()
    found(cause, stage, spread, 100, planted=False)
    for _ in range(20):
        stage.write("book_tops.feed", instrument=1, state=BookState.SUSPECT, spread_bps=500.0)
        assert list(cause.find(stage.tick(1.0))) == []
