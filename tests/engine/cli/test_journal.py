"""The journal on disk as an operator sees it, and puts it away."""

import csv
import io
import uuid
from pathlib import Path

import pytest

from engine.cli import WRONG_USE, main
from engine.execution.build import ACCOUNT_NAMES, NAMES, keep_names
from engine.model.words import BUY, SELL
from tests.engine.answers import data_of, rows_of
from tests.engine.execution.memory import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that trades into a journal in its state directory."""
    house = House(tmp_path / "state" / "journal")
    (tmp_path / "state" / "system.uuid").write_text("00000000-0000-4000-8000-a1b2c3d4e5f6\n")
    house.ready()
    house.book()
    house.run()
    return house


def trade(house: House, side: int, size: int) -> None:
    """An order that is filled whole."""
    order = house.place(side=side, size=size)
    house.venue.fill(order.client_id.hex(), size)
    house.run(3)


def typed(capsys: pytest.CaptureFixture[str], house: House, *words: str, code: int = 0) -> str:
    """A command on this journal; what it printed."""
    capsys.readouterr()
    found = main([*words, "--directory", house.config.journal.directory])
    out, err = capsys.readouterr()
    assert found == code, err
    return err if code else out


def test_fills_are_read_from_the_disk_when_the_system_is_down(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """What was traded must be known after `down`: the lanes are gone then, and the taxes are not."""
    trade(house, BUY, 400)
    trade(house, SELL, 400)
    house.kill()
    rows = list(csv.DictReader(io.StringIO(typed(capsys, house, "fills", "--csv"))))
    assert [(row["venue"], row["symbol"], row["side"], row["size"]) for row in rows] == [
        ("binance", "BTCUSDT", "buy", "0.00400"), ("binance", "BTCUSDT", "sell", "0.00400")
    ]  # fmt: skip
    assert all(row["time"].endswith("Z") and row["liquidity"] in ("maker", "taker") for row in rows)
    assert len(rows_of(typed(capsys, house, "fills", "--json", "-n", "1"))) == 1
    assert "2 fills" in typed(capsys, house, "fills")


def test_strategies_keep_their_names_beside_the_journal(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """After `down` the configuration may be gone; the list of fills needs names instead of numbers."""
    directory = Path(house.config.journal.directory)
    trade(house, BUY, 400)
    house.kill()
    keep_names(directory, NAMES, {3: "old", 2: "other"})
    keep_names(directory, NAMES, {3: "maker"})
    assert [one["strategy_name"] for one in rows_of(typed(capsys, house, "fills", "--json"))] == ["maker"]
    (directory / NAMES).write_text("{")
    assert [one["strategy_name"] for one in rows_of(typed(capsys, house, "fills", "--json"))] == ["3"]


def test_orders_of_a_system_that_is_down_are_read_from_its_journal(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What became of an order is asked most often after the system was brought down."""
    trade(house, BUY, 400)
    house.kill()
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    for words, count in ((), 0), (("--all",), 1):
        assert main(["orders", "--system", "state", "--json", *words]) == 0
        found = rows_of(capsys.readouterr().out)
        assert [(one["symbol"], one["size"], one["state"]) for one in found] == [
            ("BTCUSDT", "0.00400", "FILLED")
        ] * count


def test_a_journal_with_an_open_order_is_not_put_away(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """No process would track the order any more."""
    house.place(size=400)
    house.run(3)
    house.kill()
    tree = data_of(typed(capsys, house, "journal", "--json"))
    assert [(one["symbol"], one["state"]) for one in tree["open_orders"]] == [("BTCUSDT", "OPEN")]
    assert "1 orders are open" in typed(capsys, house, "journal", "--set-aside", "--force", "because", code=1)


def test_a_journal_with_a_position_is_put_away_only_with_a_reason(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the engine loses a position, no one closes it."""
    trade(house, BUY, 400)
    house.kill()
    directory = Path(house.config.journal.directory)
    assert "this journal holds" in typed(capsys, house, "journal", "--set-aside", code=1)
    assert directory.exists()
    output = typed(capsys, house, "journal", "--set-aside", "--force", "sold by hand", "--json")
    aside = Path(data_of(output)["set_aside"])
    assert not directory.exists()
    assert (aside / "why.txt").read_text() == "sold by hand\n"
    assert (aside / "system.uuid").exists(), "under the old id the new journal's orders would bear used ids"
    assert "no journal in" in typed(capsys, house, "journal", code=3)


def test_a_journal_in_which_nothing_is_left_is_put_away(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The first lines: its place, its size, its holdings."""
    trade(house, BUY, 400)
    trade(house, SELL, 400)
    house.kill()
    shown = typed(capsys, house, "journal")
    assert house.config.journal.directory in shown
    assert "open orders: none" in shown
    assert "set aside as" in typed(capsys, house, "journal", "--set-aside")


@pytest.fixture
def two(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[House, House]:
    """A system whose second account has traded too, and which is down."""
    other = House(tmp_path / "state" / "journal.2", account=2, system=uuid.UUID(int=7))
    (tmp_path / "state" / "system.2.uuid").write_text("00000000-0000-4000-8000-a1b2c3d4e5f7\n")
    other.ready()
    for one in (other, house):
        other.now_ns = house.now_ns = max(other.now_ns, house.now_ns)
        one.book()
        one.run()
        for side in (BUY, SELL):
            trade(one, side, 400)
        one.kill()
    keep_names(tmp_path / "state" / "journal.2", ACCOUNT_NAMES, {2: "west"})
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    return house, other


def test_the_fills_and_orders_of_every_account_are_listed(
    two: tuple[House, House], capsys: pytest.CaptureFixture[str]
) -> None:
    """Taxes are due for both; the first account's alone would look complete."""
    del two
    assert main(["fills", "--system", "state", "--json"]) == 0
    fills = rows_of(capsys.readouterr().out)
    assert [(one["account"], one["account_name"]) for one in fills] == [(2, "west")] * 2 + [(1, "1")] * 2
    assert fills == sorted(fills, key=lambda one: int(one["time_ns"]))
    assert main(["orders", "--system", "state", "--json", "--all"]) == 0
    orders = rows_of(capsys.readouterr().out)
    assert {(one["account"], one["venue"]) for one in orders} == {(1, "binance"), (2, "binance")}
    assert main(["orders", "--system", "state", "--all"]) == 0
    assert "west" in capsys.readouterr().out
    assert main(["journal", "--system", "state", "--json"]) == 0
    assert [one["account"] for one in rows_of(capsys.readouterr().out)] == [1, 2]


def test_of_several_accounts_only_the_named_journal_is_put_away_with_its_own_uuid(
    two: tuple[House, House], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other account's orders are known by its uuid: without it they would be a stranger's."""
    assert main(["journal", "--system", "state", "--set-aside"]) == WRONG_USE
    assert "several accounts have a journal" in capsys.readouterr().err
    typed(capsys, two[1], "journal", "--set-aside")
    left = {path.name for path in (tmp_path / "state").iterdir()}
    assert {"journal", "system.uuid"} < left
    assert not {"journal.2", "system.2.uuid"} & left
    assert main(["journal", "--system", "state"]) == 0
