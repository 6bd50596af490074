"""The report of a real system: recorded while it trades, read after it has stopped, and its positions counted twice."""

import select
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import shm
from engine.cli import main as engine_ctl
from research.performance.of_session import WHOLE, Recorded, of_session
from research.performance.of_session import _cells as of_session_cells
from research.performance.trades import FILL
from research.report.day import positions
from tests.engine.answers import data_of
from tests.engine.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0
ENOUGH = 25  # fills


def until(condition: Callable[[], bool], text: str) -> None:
    """Poll a condition, with a deadline."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, text
        select.select([], [], [], 0.05)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A system of the demo's file that traded and was recorded; its name."""
    place, name = tmp_path_factory.mktemp("session"), f"day{uuid.uuid4().hex[:6]}"
    text = (ROOT / "configs/demo.toml").read_text().replace('name = "demo"', f'name = "{name}"')
    text = text.replace("9710", str(free_port())).replace("{here}", str(ROOT / "configs"))
    recorder = '\n[recorder]\nseal_seconds = 0\n[[processes]]\nname = "recorder"\nroles = ["recorder"]\n'
    (place / "day.toml").write_text(text + recorder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEELYARD_STATE_DIRECTORY", str(place / "state"))
        patch.setenv("STEELYARD_RUN_DIRECTORY", str(place / "run"))
        assert engine_ctl(["up", str(place / "day.toml")]) == 0
        try:
            until(lambda: shm.RingReader(f"{name}.fills.execution").end >= ENOUGH, "too few fills")
        finally:
            engine_ctl(["down", "--system", name])
        assert engine_ctl(["data", "seal", "--system", name]) == 0
        yield name


def test_positions_and_fills_of_a_day_agree(session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command's whole output: exit code 0, both ways to count equal, a page, every order, what was held."""
    capsys.readouterr()
    assert engine_ctl(["report", "--system", session, "--capital", "10000", "--out", str(tmp_path), "--json"]) == 0
    found = data_of(capsys.readouterr().out)
    assert found["missing"] == []
    assert all(one["reconciled"] for one in found["positions"])
    assert sum(one["fills"] for one in found["positions"]) >= ENOUGH
    page, orders, portfolio = (Path(one) for one in found["files"])
    assert "recorded session" in page.read_text()
    table = pq.read_table(orders).to_pydict()
    assert len(table["order"]) > ENOUGH
    assert np.isfinite(table["arrival"]).mean() > 0.9
    assert sum(table["filled"]) == pytest.approx(float(of_session(session, capital=1).fills["size"].sum()))
    assert pq.read_table(portfolio).column("equity").to_pylist()[-1] == pytest.approx(10_000 + found["profit"])


def test_a_part_of_the_day_begins_with_what_was_held(session: str) -> None:
    """From the middle of the session on: its profit is that of the whole less that of the first half."""
    whole = of_session(session, capital=10_000)
    middle = int((whole.at_ns[0] + whole.at_ns[-1]) // 2)
    halves = [Recorded(session, *one, "") for one in ((None, middle), (middle, None))]
    profits = [one.performance(10_000).profit for one in halves]
    assert sum(profits) == pytest.approx(whole.profit, abs=1e-6)
    for half in halves:
        assert all(row.is_reconciled for row in positions(half)), half
        flows = np.concatenate([half.begun, half.fills])
        held = sum(row.held + half.in_base[half.fills["instrument"] == half.symbols.index(row.symbol)].sum()
                   for row in positions(half))  # fmt: skip
        assert (flows["side"] * flows["size"]).sum() == pytest.approx(held, abs=1e-6)


def test_the_first_day_of_a_recording_has_no_day_before(session: str) -> None:
    """A position that is sampled with its first fill was flat before it: nothing is unknown, and nothing is refused."""
    whole = Recorded(session, None, None, "")
    key, rows = next((key, rows) for key, rows in whole.cells.items() if rows["fill_count"][-1] > 0)
    filled = {name: values[rows["fill_count"] > 0] for name, values in rows.items()}
    day = Recorded(session, int(rows["at_ns"][0]) - 10**9, None, "")
    assert day._opened({key: filled}) == {}
    assert day.unknown == []
    filled["fill_count"] = filled["fill_count"] + 1
    day._opened({key: filled})
    assert day.unknown == [key]


def test_a_position_without_a_price_at_both_ends_keeps_its_profit(session: str) -> None:
    """The feed was away at midnight: a profit of nothing, or of the whole past, would be in the day's report."""
    key, rows = next((key, rows) for key, rows in Recorded(session, None, None, "").cells.items() if rows["net"][-1])
    table = {name: np.concatenate([values[-1:], values[-1:], values[-1:]]) for name, values in rows.items()}
    table["net"], table["mark_price"] = np.array([np.nan, 7.0, np.nan]), np.array([0.0, 5.0, 0.0])
    found = of_session_cells(table)[key]
    assert (found["net"].tolist(), found["mark_price"].tolist()) == ([7.0] * 3, [5.0] * 3)


def test_fills_in_several_quote_currencies_are_in_dollars_at_their_time() -> None:
    """A fee of 0.1 BTC and one of 0.1 USDT are not 0.2 of anything."""
    recorded, names = Recorded("", None, None, ""), ("at_ns", "usd_rate")
    fills = np.zeros(3, FILL)
    fills["at_ns"], fills["account"], fills["price"], fills["fee"] = (5, 15, 25), (1, 1, 2), 2.0, 0.1
    cells = {(1, WHOLE, 9): ([10, 20], [30.0, 40.0]), (2, WHOLE, 9): ([10, 20], [1.0, 1.0])}
    made = {key: dict(zip(names, map(np.array, rows), strict=True)) for key, rows in cells.items()}
    recorded.__dict__.update(currency="USD", places={9: 0}, cells=made)
    found = recorded._in_currency(fills)
    assert found["price"].tolist() == [60.0, 60.0, 2.0]
    assert found["fee"].tolist() == pytest.approx([3.0, 3.0, 0.1])


def test_a_fill_that_is_not_recorded_is_found(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: without one fill the instrument no longer agrees, in size and in profit."""
    recorded = Recorded(session, None, None, "")
    fills = recorded.fills[1:]
    first = recorded.symbols[int(recorded.fills[0]["instrument"])]
    monkeypatch.setitem(recorded.__dict__, "fills", fills)
    recorded.accounts, recorded.in_base = recorded.accounts[1:], recorded.in_base[1:]
    assert [row.symbol for row in positions(recorded) if not row.is_reconciled] == [first]


def test_a_fill_after_the_last_price_is_no_difference(session: str) -> None:
    """The feed died, then an order filled: the profit of before that fill must not be reported as a fault."""
    recorded = Recorded(session, None, None, "")
    key, rows = next((key, rows) for key, rows in recorded.cells.items() if key[1] == WHOLE and rows["fill_count"][-1])
    before = int(np.argmax(rows["fill_count"] == rows["fill_count"][-1]))
    late = {**rows, "net": np.where(np.arange(len(rows["net"])) < before, rows["net"], np.nan)}
    recorded.cells[key] = of_session_cells(late)[key]
    found = {row.symbol: row for row in positions(recorded)}[recorded.symbols[recorded.places[key[2]]]]
    assert (found.is_priced, found.is_reconciled) == (False, True)
    assert not found._replace(is_priced=True).is_reconciled
    assert not found._replace(held=found.held + 1).is_reconciled


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--day", "2026-13-01"], "expected a day like 2026-12-01"),
        (["--week", "2026-49"], "expected a week like 2026-W49"),
        (["--day", "2001-01-01"], "nothing is recorded in this range"),
        (["--day", "2001-01-01", "--week", "2026-W49"], "not allowed with"),
    ],
)
def test_a_range_that_is_wrong_is_named(
    session: str, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    """Before anything is written."""
    assert engine_ctl(["report", "--system", session, "--capital", "1", *words]) == 2
    assert text in capsys.readouterr().err
