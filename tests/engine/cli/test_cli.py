"""What an operator types, against segments written by the test and systems really brought up."""

import argparse
import dataclasses
import io
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import shm
from engine import instruments
from engine.cli import main
from engine.cli.books import are_followed, books, print_books
from engine.cli.halting import Before, Found
from engine.cli.health import entries_unknown
from engine.cli.keys import QUIT, Keys
from engine.cli.output import choose_system, is_running
from engine.cli.parser import make_parser
from engine.cli.system import headline
from engine.cli.trees import Naming, tree_of
from engine.config import Config, Paths, known_systems
from engine.control import call
from engine.lanes import EXECUTION, FEED, LANES, SUPERVISOR, lane_of, open_lanes
from engine.lanes.create import create
from engine.model.instrument import Instrument
from engine.model.words import (
    BookState,
    FillFlag,
    HaltReason,
    OrderFlag,
    OrderState,
    OrderType,
    PositionFlag,
    Reason,
    TimeInForce,
)
from engine.monitor.figures import Figures
from engine.supervisor import segments
from engine.view.screen import Section, _books, screen, share
from shm.segment import path_of

Write = Callable[..., Config]
MARKET = """
[[venues]]
name = "binance"
kind = "binance"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
"""
PLACED = """
[[processes]]
name = "alpha"
roles = ["alpha"]
[[processes]]
name = "core"
roles = ["execution", "beta"]
"""
BITCOIN = Instrument(7, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 10**7)


class Typed:
    """`engine-ctl` and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing yet."""
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Type words; what came out, or the complaint when another code was expected."""
        self.capsys.readouterr()
        found = main(words)
        out, err = self.capsys.readouterr()
        assert found == code, err
        return err if code and not out else out

    def tree(self, *words: str, code: int = 0) -> Any:
        """Type words with --json; the document."""
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """An operator's keyboard."""
    return Typed(capsys)


@pytest.fixture
def market(write: Write) -> Config:
    """A system with one instrument, a book, three orders and a position, and no running process."""
    config = write(MARKET)
    segments.create(config)
    _write_book(config)
    _write_orders(config)
    return config


def zeros(lane: str, **values: Any) -> tuple[Any, ...]:
    """A record's fields: the values given, zeros elsewhere."""
    record = lane_of(lane).record
    blank = {
        field.name: b"" if field.code == "S" else (0,) * field.count if field.count > 1 else 0
        for field in record.fields
    }
    return tuple({**blank, **values}.values())


def _write_book(config: Config) -> None:
    cells = open_lanes(config.system.name, FEED).cell_writer("instruments")
    instruments.write(cells, 0, BITCOIN, 1)
    cells.close()
    tops = open_lanes(config.system.name, FEED).cell_writer("book_tops")
    ten = tuple(range(10))
    values = zeros(
        "book_tops", instrument=7, state=BookState.GOOD, bids=10, asks=10, imbalance=0.5,
        bid_price=tuple(100_00 - i for i in ten), ask_price=tuple(100_01 + i for i in ten),
        bid_size=tuple(150_000 + i for i in ten), ask_size=tuple(50_000 + i for i in ten),
    )  # fmt: skip
    tops.write(3, *values)
    tops.close()


def _write_orders(config: Config) -> None:
    ring = open_lanes(config.system.name, EXECUTION).ring_writer("orders")
    common = {
        "instrument": 7, "strategy": 1, "side": 1, "price": 100_00, "size": 150_000,
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC,
    }  # fmt: skip
    for client, states in {b"\1": (OrderState.SENT, OrderState.OPEN), b"\2": (OrderState.SENT,),
                           b"\3": (OrderState.OPEN, OrderState.FILLED)}.items():  # fmt: skip
        for state in states:
            ring.publish(*zeros("orders", client_id=client * 16, state=state, **common))
    ring.close()


def test_importing_it_loads_nothing_heavy() -> None:
    """An operator in an emergency needs `--help` without a delay of a second."""
    code = "import sys, engine.cli; print([m for m in ('numpy','rich','msgspec','shm','orjson') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_orders_shows_each_order_once_by_its_last_state(typed: Typed, market: Config) -> None:
    """Open and in flight by default, all when asked, prices as the venue writes them."""
    words = ["orders", "--system", market.system.name]
    rows = typed.tree(*words)
    assert [(row["client_id"], row["state"]) for row in rows] == [("01" * 16, "OPEN"), ("02" * 16, "SENT")]
    assert (rows[0]["symbol"], rows[0]["price"], rows[0]["size"]) == ("BTCUSDT", "100.00", "1.50000")
    assert len(typed.tree(*words, "--all")) == 3
    assert "2 orders" in typed(*words)


def test_book_shows_a_ladder(typed: Typed, market: Config) -> None:
    """By symbol in any case, or by id; the state comes first, because only a GOOD book equals the venue's."""
    words = ["book", "btcusdt", "--system", market.system.name]
    tree = typed.tree(*words)
    assert (tree["state"], tree["bids"][0], tree["asks"][0]) == ("GOOD", ["100.00", "1.50000"], ["100.01", "0.50000"])
    assert "BTCUSDT good" in typed(*words, "--once")
    printed = typed("book", "XRP", "--system", market.system.name, code=3)
    assert "no instrument 'XRP', expected one of binance:BTCUSDT (id 7)" in printed
    assert typed.tree("book", "binance:BTCUSDT", "--system", market.system.name)["instrument"] == 7


def test_a_book_of_a_silent_feed_is_shown_as_stale(typed: Typed, market: Config) -> None:
    """The cell of a dead feed keeps GOOD for ever, and a quiet market's book is as old as a dead feed's."""
    words = ["book", "btcusdt", "--system", market.system.name]
    beats = open_lanes(market.system.name, "feed").cell_writer("heartbeat")
    for age_s, heard in ((0, True), (60, False)):
        beats.write(0, *zeros("heartbeat", beat_ns=time.monotonic_ns() - age_s * 1_000_000_000))
        assert (typed.tree(*words)["feed_silent_ms"] < 60_000) is heard
        assert ("the heartbeat of feed is 1.0 min old" not in typed(*words, "--once")) is heard
    beats.close()


def test_each_book_is_shown_with_the_state_of_its_own_feed(typed: Typed, system: str) -> None:
    """One dead feed of two: its book must not be shown as good, and the other one must."""
    ethereum = dataclasses.replace(BITCOIN, id=8, symbol="ETHUSDT", venue="south")
    beats = {}
    for place, (feed, one) in enumerate((("east", BITCOIN), ("west", ethereum))):
        for lane in ("instruments", "book_tops", "ticks", "heartbeat"):
            create(system, f"{lane}.{feed}")
        lanes = open_lanes(system, FEED, feed)
        instruments.write(lanes.cell_writer("instruments"), place, one, 1)
        tops = zeros("book_tops", instrument=one.id, state=BookState.GOOD, bids=1, asks=1,
                     bid_price=(100 + place,) * 10, ask_price=(110,) * 10,
                     bid_size=(1,) * 10, ask_size=(1,) * 10)  # fmt: skip
        lanes.cell_writer("book_tops").write(place, *tops)
        beats[feed] = lanes.cell_writer("heartbeat")
        beats[feed].write(0, *zeros("heartbeat", beat_ns=time.monotonic_ns(), wall_ns=time.time_ns()))
        lanes.close()
    beats["east"] = open_lanes(system, FEED, "east").cell_writer("heartbeat")
    late_ns = time.monotonic_ns() - 60_000_000_000
    beats["west"] = open_lanes(system, FEED, "west").cell_writer("heartbeat")
    beats["west"].write(0, *zeros("heartbeat", beat_ns=late_ns, wall_ns=time.time_ns() - 60_000_000_000))
    assert typed.tree("book", "ETHUSDT", "--system", system)["bids"][0][0] == "1.01"
    assert "the heartbeat of west is 1.0 min old" in typed("book", "ETHUSDT", "--system", system, "--once")
    assert "heartbeat" not in typed("book", "BTCUSDT", "--system", system, "--once")
    assert [(one["symbol"], one["feed"], one["state"]) for one in books(system, {})] == [
        ("BTCUSDT", "east", "GOOD"),
        ("ETHUSDT", "west", "UNKNOWN"),
    ]
    figures = Figures(system)
    figures.poll()
    shown = [(row[0], row[1]) for row in _books(figures, figures.instruments()).rows]
    assert [("west late" in state, "good" in state) for _, state in sorted(shown)] == [(False, True), (True, False)]
    for cell in beats.values():
        cell.close()


def test_a_symbol_of_two_venues_is_asked_about(typed: Typed, market: Config) -> None:
    """The price of another venue's book, or orders left open because those of another were cancelled, cost money."""
    cells = open_lanes(market.system.name, FEED).cell_writer("instruments")
    instruments.write(cells, 1, dataclasses.replace(BITCOIN, id=9, venue="binance-usdm"), 1)
    cells.close()
    of = ["--system", market.system.name]
    printed = typed("book", "BTCUSDT", *of, code=2)
    assert "several instruments 'BTCUSDT': binance:BTCUSDT (id 7), binance-usdm:BTCUSDT (id 9)" in printed
    assert typed.tree("book", "binance:btcusdt", *of)["instrument"] == typed.tree("book", "7", *of)["instrument"] == 7
    assert "binance:BTCUSDT" in typed("orders", *of)
    assert "no book of 'binance-usdm:BTCUSDT' yet" in typed("book", "binance-usdm:BTCUSDT", "--once", *of, code=3)


@pytest.mark.parametrize(("words", "width"), [(("view",), 60), (("book", "BTCUSDT"), 40)])
def test_no_number_is_cut_off(
    typed: Typed, market: Config, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], width: int
) -> None:
    """Half a price on a narrow terminal, or in a file, is another price."""
    monkeypatch.setenv("COLUMNS", str(width))
    shown = typed(*words, "--system", market.system.name, "--once")
    assert "BTC" in shown
    assert "…" not in shown


def test_a_terminal_of_80_by_24_shows_the_money(market: Config) -> None:
    """Books, positions, orders and fills were below the lower edge of the most common terminal."""
    _write_fills(market)
    figures = Figures(market.system.name)
    figures.poll()
    console = Console(width=80, height=24, record=True, file=io.StringIO())
    console.print(screen(figures, 80, 24))
    text = console.export_text()
    assert len(text.splitlines()) <= 24
    for part in ("BOOKS 1", "POSITIONS", "OPEN ORDERS 2", "FILLS", "of 40", "q quits", "no execution", "maker"):
        assert part in text, text
    assert re.search(r"\d\d:\d\d:\d\d +1 +BTCUSDT +buy +0.00500 +100.00", text), text


def test_the_view_shows_a_halt_and_its_reason(market: Config) -> None:
    """A halt after five deaths and a colleague's halt need different actions of the operator."""
    cell = open_lanes(market.system.name, SUPERVISOR).cell_writer("halt")
    cell.write(0, *zeros("halt", halted=1, since_ns=1, reason=HaltReason.DEATHS))
    cell.close()
    figures = Figures(market.system.name)
    figures.poll()
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(screen(figures, 100))
    assert "HALTED (deaths) since" in console.export_text()


def _write_fills(config: Config) -> None:
    ring = open_lanes(config.system.name, EXECUTION).ring_writer("fills")
    for number in range(1, 41):
        values = {"instrument": 7, "strategy": 1, "side": 1, "price": 100_00, "size": 500, "maker": 1}
        ring.publish(*zeros("fills", venue_fill_id=b"%d" % number, venue_ns=number * 10**9, **values))
    ring.close()


def test_the_tail_of_a_lane_shows_words_for_numbers(typed: Typed, market: Config) -> None:
    """An operator cannot read "reason 12, value 61, limit 60" at three in the morning."""
    ring = open_lanes(market.system.name, EXECUTION).ring_writer("verdicts")
    values = {"instrument": 7, "strategy": 1, "reason": Reason.ORDER_RATE, "value": 61, "limit": 60}
    ring.publish(*zeros("verdicts", now_ns=1_700_000_000_123_456_789, **values))
    ring.close()
    [row] = [json.loads(line) for line in typed("shm", "tail", market.lane("verdicts", "execution")).splitlines()]
    assert row["why"] == "ORDER_RATE: 61 of 60 in a minute"
    assert (row["reason"], row["symbol"], row["strategy_name"]) == ("ORDER_RATE", "BTCUSDT", "1")
    assert (row["now"], row["now_ns"]) == ("2023-11-14T22:13:20.123456Z", 1_700_000_000_123_456_789)


def test_a_records_json_has_one_shape(market: Config) -> None:
    """A program that reads two commands must not learn two languages, nor 128 bits in two halves."""
    naming = Naming.of(market.system.name)
    position = zeros(
        "positions", instrument=7, strategy=1, size=150_000, price_decimals=2, size_decimals=5, holding_decimals=8,
        realised_high=-1, realised_low=2**64 - 25 * 10**9, realised=-2.5, unrealised=float("nan"), net=1.25,
    )  # fmt: skip
    tree = tree_of(lane_of("positions").record.row(*position), naming)
    assert (tree["size"], tree["realised"], tree["net"], tree["unrealised"]) == (
        "1.50000", "-2.5000000000", "1.25000000", None
    )  # fmt: skip
    assert not [name for name in tree if name.endswith(("_high", "_low"))]
    text = b"Order would immediately match and take."
    order = zeros("orders", instrument=7, side=-1, state=OrderState.OPEN, error=b"-2010", error_text=text,
                  flags=OrderFlag.CANCEL_WANTED)  # fmt: skip
    tree = tree_of(lane_of("orders").record.row(*order), naming)
    assert (tree["side"], tree["state"], tree["flags"]) == ("sell", "OPEN", ["CANCEL_WANTED"])
    assert tree["why"] == "-2010 Order would immediately match and take."
    json.dumps(tree)
    unknown = tree_of(lane_of("orders").record.row(*zeros("orders", instrument=99, price=7)), naming)
    assert unknown["price"] == 7, "a number whose scale is not known must not look like a decimal"


@pytest.mark.parametrize("name", sorted(one.name for one in LANES))
def test_every_lane_can_be_shown(market: Config, name: str) -> None:
    """An operator must be able to read every lane in an emergency."""
    tree = tree_of(lane_of(name).record.row(*zeros(name)), Naming.of(market.system.name))
    assert json.loads(json.dumps(tree)) == tree


SYSTEM_COMMANDS = (
    "down", "status", "halt", "resume", "flatten", "cancel 7", "cancel-all",
    "restart feed", "orders", "positions", "journal", "fills",
    "kill feed", "reload", "set", "strategy", "latency",
    "paths", "log", "book BTCUSDT", "ticks", "across", "view", "autopsy", "shm ls", "shm stat ticks", "shm tail ticks",
    "config show", "alert test", "deaths", "strategy list", "set maker size=1",
)  # fmt: skip
FILE_COMMANDS = ("up no.toml", "check no.toml", "init /", "config show no.toml", "completion", "preflight no.toml")


def test_the_table_of_commands_below_has_every_one() -> None:
    """A command that is forgotten there would have exit codes of its own."""
    (commands,) = (one for one in make_parser()._actions if isinstance(one, argparse._SubParsersAction))
    found = {line.split()[0] for line in (*SYSTEM_COMMANDS, *FILE_COMMANDS)}
    assert found | {"ls", "capture", "man"} == set(commands.choices)


@pytest.mark.parametrize("line", [*SYSTEM_COMMANDS, *FILE_COMMANDS, "ls", "man", "capture check x", "capture record"])
def test_a_wrong_option_is_wrong_use_and_shows_the_usage_of_its_own_command(
    capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """The usage of the whole program names neither the option that is meant nor the ones there are."""
    with pytest.raises(SystemExit, match="2"):
        main([*line.split(), "--nope"])
    command = " ".join(line.split()[: 2 if line.startswith(("shm", "capture", "config", "alert")) else 1])
    assert f"usage: engine-ctl {command} [-h]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((f"{line} --system nobody-has-this-name", 3) for line in SYSTEM_COMMANDS),
        *((line, 2) for line in FILE_COMMANDS),
        ("ls", 0),
        ("man", 0),
    ],
)
def test_an_exit_code_means_the_same_for_every_command(typed: Typed, line: str, code: int) -> None:
    """A script needs one rule for all commands: 3 is not found, 2 is a wrong file."""
    printed = typed(*line.split(), code=code)
    assert len(printed.splitlines()) == 1 or code == 0, "what is wrong is one line"


def test_a_book_of_a_dead_feed_is_unknown_whatever_its_last_state(
    market: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cell keeps GOOD for ever, and `status` showed good and exited 0."""
    [unknown] = books(market.system.name, {})
    assert (unknown["state"], unknown["last_state"], unknown["feed_silent_ms"]) == ("UNKNOWN", "GOOD", None)
    print_books([unknown], unknown["publish_ns"])
    assert "the heartbeat of feed cannot be read (last state good)" in capsys.readouterr().out
    beat = _make_heartbeat(market)
    assert books(market.system.name, {})[0]["state"] == "UNKNOWN", "it was never written"
    beat.write(0, *zeros("heartbeat", beat_ns=time.monotonic_ns()))
    [living] = books(market.system.name, {})
    assert (living["state"], living["feed_silent_ms"]) == ("GOOD", 0)
    beat.write(0, *zeros("heartbeat", beat_ns=time.monotonic_ns() - 60 * 10**9))
    [silent] = books(market.system.name, {})
    beat.close()
    assert (silent["state"], silent["last_state"], silent["spread_bps"]) == ("UNKNOWN", "GOOD", None)
    assert silent["feed_silent_ms"] >= 60_000
    assert not are_followed([silent], silent["publish_ns"])


def _make_heartbeat(market: Config) -> shm.CellWriter:
    """The cell of its feed, not written yet."""
    record, name = lane_of("heartbeat").record, f"{market.system.name}.heartbeat.feed"
    shm.create(name, record, "cells")
    return shm.CellWriter(name, record)


def test_a_spread_alarm_is_shown_while_it_lasts(market: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm in a log only is not seen by an operator who reads the screens; a dead feed's alarm is stale."""
    cells = open_lanes(market.system.name, FEED).cell_writer("instruments")
    beat = _make_heartbeat(market)
    beat.write(0, *zeros("heartbeat", beat_ns=time.monotonic_ns(), wall_ns=time.time_ns()))
    for alarm_bps, lasts in ((60.0, True), (0.0, False)):
        instruments.write(cells, 3, BITCOIN, 1, spread_alarm_bps=alarm_bps)
        [one] = books(market.system.name, {})
        print_books([one], one["publish_ns"])
        assert (one["spread_alarm_bps"], "spread wide (alarm 60 bp)" in capsys.readouterr().out) == (
            alarm_bps or None, lasts
        )  # fmt: skip
        figures = Figures(market.system.name)
        figures.poll()
        console = Console(width=80, height=24, record=True, file=io.StringIO())
        console.print(screen(figures, 80, 24))
        assert (" wide " in console.export_text()) is lasts
    beat.close()
    cells.close()


def test_a_gate_that_cannot_be_read_is_not_healthy(typed: Typed, write: Write, system: str) -> None:
    """`status` exited 0 although nothing was known of what execution sends."""
    config = write()
    typed("up", config.path)
    try:
        assert typed.tree("status", "--system", system)["entries_stopped"] == ""
        assert entries_unknown(system, ["execution"]), "it runs and has not written its gate"
        os.truncate(path_of(f"{system}.gate.execution"), 0)
        assert "UNKNOWN whether execution sends" in typed.tree("status", "--system", system, code=1)["entries_stopped"]
        printed = typed("status", "--system", system, code=1)
        assert "UNKNOWN whether execution sends entries: its cell GATE cannot be read; engine-ctl autopsy" in printed
        assert "ENTRIES ARE STOPPED" not in printed
    finally:
        typed("down", "--system", system)


def test_status_shows_that_a_full_disk_has_stopped_entries(typed: Typed, write: Write, system: str) -> None:
    """Every process runs and no entry is sent: the operator must see the reason."""
    config = write()
    typed("up", config.path)
    try:
        assert typed.tree("status", "--system", system)["entries_stopped"] == ""
        cell = open_lanes(config.system.name, EXECUTION).cell_writer("gate")
        cell.write(0, *zeros("gate", exits_only=Reason.JOURNAL_FULL))
        cell.close()
        printed = typed("status", "--system", system, code=1)
        assert "ENTRIES ARE STOPPED" in printed
        assert "NOT trading, JOURNAL_FULL" in printed.splitlines()[0], "the first line is the one that is read"
        assert "JOURNAL_FULL: the disk has no room for the journal" in printed
    finally:
        typed("down", "--system", system)


def test_rows_are_shared_in_turns_and_none_is_lost_where_there_is_room() -> None:
    """One section with many rows must not push another off the screen."""
    few, many = Section("few", (), [("a",)] * 2), Section("many", (), [("b",)] * 50)
    share([few, many], 10)
    assert (few.shown, many.shown) == (2, 8)
    few.shown = many.shown = 0
    share([few, many], 1000)
    assert (few.shown, many.shown) == (2, 50)
    share([few, many], -3)


def test_q_is_read_without_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view whose keys do nothing is left with ^C, or not at all."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with Keys() as keys:
            os.write(ours, b"q")
            assert keys.wait(10.0) == QUIT
            assert keys.wait(0.0) == ""
    os.close(ours)


def test_a_view_into_a_pipe_is_printed_once_and_ends(market: Config) -> None:
    """`view | cat` printed escapes for ever."""
    for words in (["view"], ["book", "BTCUSDT"]):
        command = [sys.executable, "-m", "engine.cli", *words, "--system", market.system.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "BTCUSDT" in done.stdout
        assert "\x1b" not in done.stdout


def test_a_system_is_chosen_by_the_environment_and_by_its_run_directory(
    typed: Typed, market: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator of two systems sets the one he works on once, not at every command."""
    name = market.system.name
    monkeypatch.setenv("STEELYARD_SYSTEM", name)
    assert len(typed.tree("orders")) == 2
    monkeypatch.setenv("STEELYARD_SYSTEM", "nope")
    assert "no system 'nope' (STEELYARD_SYSTEM)" in typed("orders", code=3)
    assert len(typed.tree("orders", "--system", str(market.paths.run))) == 2
    assert Paths.known(name).state == market.paths.state
    assert "no such directory" in typed("orders", "--system", "/nowhere/at/all", code=3)


def test_ls_lists_every_system_and_where_it_is(typed: Typed, write: Write, system: str) -> None:
    """Who has started something must find it again without knowing where its files lie."""
    config = write()
    typed("up", config.path)
    rows = {row["system"]: row for row in typed.tree("ls")}
    assert (rows[system]["run"], rows[system]["config"]) == (str(config.paths.run), config.path)
    assert (rows[system]["mode"], rows[system]["state"]) == ("paper", "trading")
    assert rows[system]["since"].endswith("Z")
    typed("down", "--system", system)
    assert system not in {row["system"] for row in typed.tree("ls")}
    (config.paths.state / "journal").mkdir()
    assert {row["system"]: row for row in typed.tree("ls", "--all")}[system]["state"] == "down"


def test_the_view_offers_no_json_that_it_does_not_speak() -> None:
    """It filled a program's pipe with a screen."""
    with pytest.raises(SystemExit, match="2"):
        main(["view", "--json"])


def test_positions_come_from_the_cells(typed: Typed, market: Config) -> None:
    """Exact numbers as text."""
    cells = open_lanes(market.system.name, EXECUTION).cell_writer("positions")
    cells.write(
        0, *zeros("positions", instrument=7, size=-150_000, average_price=100_00, price_decimals=2, size_decimals=5)
    )
    cells.close()
    rows = typed.tree("positions", "--system", market.system.name)
    assert [(row["symbol"], row["size"], row["average_price"]) for row in rows] == [("BTCUSDT", "-1.50000", "100.00")]
    assert "-1.50000" in typed("positions", "--system", market.system.name)


def test_shm_ls_stat_and_tail(typed: Typed, market: Config) -> None:
    """Every segment, one lane's life, and its records as JSON lines."""
    name = market.system.name
    listed = {row["name"]: row for row in typed.tree("shm", "ls", "--system", name)}
    assert listed[f"{name}.orders.execution"]["cursor"] == 5
    assert listed[f"{name}.book_tops.feed"]["kind"] == "cells"
    stat = typed.tree("shm", "stat", "orders", "--system", name, "--seconds", "0.01")
    assert (stat["cursor"], stat["epoch"], stat["closed_cleanly"], stat["mode"]) == (5, 1, True, "0640")
    lines = typed("shm", "tail", f"{name}.orders.execution", "-n", "2").splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [3, 4]
    cell = json.loads(typed("shm", "tail", "book_tops", "--system", name))
    assert (cell["cell"], cell["instrument"]) == (3, 7)


def test_tail_shows_no_opening_among_the_fills_unless_asked(typed: Typed, market: Config) -> None:
    """What was held before the lane began is no trade, and is dated 1970."""
    ring = open_lanes(market.system.name, EXECUTION).ring_writer("fills")
    ring.publish(*zeros("fills", instrument=7, strategy=1, size=5, flags=FillFlag.OPENING))
    ring.publish(*zeros("fills", instrument=7, strategy=1, size=7, venue_fill_id=b"1"))
    ring.close()
    name = f"{market.system.name}.fills.execution"
    assert [json.loads(line)["size"] for line in typed("shm", "tail", name).splitlines()] == ["0.00007"]
    assert len(typed("shm", "tail", name, "--openings").splitlines()) == 2


def test_positions_end_with_the_net_of_the_account(typed: Typed, market: Config) -> None:
    """A list of positions is no answer to how much was earned; what has no price is not shown as zero."""
    cells = open_lanes(market.system.name, EXECUTION).cell_writer("positions")
    common = {"instrument": 7, "fill_count": 1, "price_decimals": 2, "size_decimals": 5, "holding_decimals": 8}
    cells.write(0, *zeros("positions", net=-1.5, realised=0.5, unrealised=-1.0, fees=1.0, dust=340, **common))
    assert "0.00000 + dust 0.00000340" in (text := typed("positions", "--system", market.system.name))
    assert text.splitlines()[-1].startswith("account: net -1.50 USDT (today ")
    unknown = {"net": math.nan, "net_day": math.nan, "unrealised": math.nan, "flags": PositionFlag.MARK_MISSING}
    cells.write(0, *zeros("positions", size=5, **unknown, **common))
    cells.close()
    assert typed("positions", "--system", market.system.name).splitlines()[-1].endswith("; no price for BTCUSDT")


def test_dust_is_decimal_text_in_json(typed: Typed, market: Config) -> None:
    """A JSON reader that reads 340 as an amount is wrong by eight digits, whichever command it asked."""
    cells = open_lanes(market.system.name, EXECUTION).cell_writer("positions")
    common = {"instrument": 7, "price_decimals": 2, "size_decimals": 5, "holding_decimals": 8}
    cells.write(0, *zeros("positions", dust=-340, **common))
    cells.close()
    assert [row["dust"] for row in typed.tree("positions", "--system", market.system.name)] == ["-0.00000340"]
    name = f"{market.system.name}.positions.execution"
    assert [row["dust"] for row in map(json.loads, typed("shm", "tail", name).splitlines())] == ["-0.00000340"]


def test_tail_follow_sees_what_comes(market: Config) -> None:
    """And ends without a word when its reader has seen enough."""
    words = [
        sys.executable,
        "-m",
        "engine.cli",
        "shm",
        "tail",
        "orders",
        "--system",
        market.system.name,
        "-n",
        "1",
        "--follow",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["sequence"] == 4
        ring = open_lanes(market.system.name, EXECUTION).ring_writer("orders")
        ring.publish(*zeros("orders", instrument=8))
        assert json.loads(tail.stdout.readline())["instrument"] == 8
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 130
        ring.close()


def test_autopsy_lists_dead_writers_and_orders_in_doubt(typed: Typed, market: Config) -> None:
    """The first thing to read after a crash, from the segments alone."""
    code = (
        "import os, shm; from engine.lanes import lane_of\n"
        f"w = shm.RingWriter('{market.lane('fills', 'execution')}', lane_of('fills').record); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    tree = typed.tree("autopsy", "--system", market.system.name)
    findings = "\n".join(tree["findings"])
    assert "died as the writer of fills" in findings
    assert "1 orders were open at the venue" in findings
    assert f"order {'02' * 16} is in doubt (sent)" in findings
    last = next(one for one in tree["segments"] if one["name"].endswith(".orders.execution"))["last"]
    assert [row["sequence"] for row in last] == [2, 3, 4]
    assert "3 findings" in typed("autopsy", "--system", market.system.name)


def test_autopsy_reads_on_past_a_truncated_segment(typed: Typed, market: Config) -> None:
    """One broken file must not hide the others."""
    os.truncate(f"/dev/shm/steelyard.{market.lane('ticks', 'feed')}", 100)
    findings = "\n".join(typed.tree("autopsy", "--system", market.system.name)["findings"])
    assert "ticks.feed cannot be read" in findings
    assert "in doubt" in findings


def test_wrong_use_is_one_clear_line(typed: Typed, write: Write, system: str) -> None:
    """No traceback for a typo, and the line names what there is."""
    assert "no system 'nobody', found" in typed("status", "--system", "nobody", code=3)
    config = write()
    segments.create(config)
    assert "no lane 'tocks'" in typed("shm", "tail", "tocks", "--system", system, code=3)
    assert f"no process of {system} runs" in typed("halt", "--system", system, code=3)
    assert "cannot be read" in typed("up", "none.toml", code=2)
    with pytest.raises(SystemExit) as caught:
        main(["sing"])
    assert caught.value.code == 2


def test_an_operators_day(typed: Typed, write: Write, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up, status, halt, restart, resume, cancel, up again over a killed supervisor, down without one."""
    monkeypatch.setenv("STEELYARD__ROLES__EXECUTION", "tiny_role:build")
    config = write(PLACED)
    state = typed.tree("up", config.path)
    assert {one["phase"] for one in state["processes"]} == {"running"}
    assert "is up already" in typed("up", config.path, code=1)
    of = ["--system", system]
    assert f"{system} (paper): trading" in typed("status", *of)
    halted = typed.tree("halt", *of)
    assert (halted["on_disk"], halted["was_halted"], halted["orders_before"]) == (True, False, 0)
    assert typed.tree("status", *of, code=1)["halted"]
    again = typed.tree("halt", *of)
    assert again["was_halted"]
    assert 0 < again["was_halted_since_ns"] <= time.time_ns()
    assert re.search(r"was halted since \d{4}-\S+Z; open orders before: 0", typed("halt", *of))
    assert re.search(r"trading again; was halted since \d{4}-\S+Z \(operator\)", typed("resume", *of))
    assert "trading again; was not halted" in typed("resume", *of)
    assert typed.tree("resume", *of)["was_halted"] is False
    assert "no instrument 'X'" in typed("cancel-all", "--instrument", "X", *of, code=2)
    assert typed.tree("cancel-all", *of)["sequence"] >= 2
    assert "open orders before: 0" in typed("cancel-all", *of)
    assert "unknown process 'gamma', expected one of alpha, core" in typed("restart", "gamma", *of, code=1)
    _kill_keepers(state)
    again = typed.tree("up", config.path)
    assert {one["pid"] for one in again["processes"]} == {one["pid"] for one in state["processes"]}
    _kill_keepers(again)
    assert "is down" in typed("down", *of)
    assert shm.names(system) == []


def test_a_system_that_is_down_is_not_called_unknown(typed: Typed, write: Write, system: str) -> None:
    """Its journal is there; "no system" would send the operator to look for the right name."""
    write().paths.deaths.touch()
    assert f"{system} is down: engine-ctl up CONFIG starts it" in typed("status", "--system", system, code=3)
    assert "no system" in typed("status", "--system", f"{system}x", code=3)


def test_a_halt_counts_the_orders_that_were_open_before_it(market: Config) -> None:
    """Execution cancels them within milliseconds: counted after the halt, there would be none."""
    before = Before.of(market.system.name, market.paths.halt)
    ring = open_lanes(market.system.name, EXECUTION).ring_writer("orders")
    for client in (b"\1", b"\2"):
        ring.publish(*zeros("orders", client_id=client * 16, state=OrderState.CANCELLED))
    ring.close()
    assert before.orders() == 2
    assert not before.halted
    assert Before.of(market.system.name, market.paths.halt).orders() == 0
    market.paths.halt.touch()
    assert Before.of(market.system.name, market.paths.halt).halted


TINY_TRADERS = """
[[strategies]]
name = "gamma"
id = 3
class = "engine.strategy.samples:MomentumTaker"
instruments = [7]
"""


def test_a_strategy_that_will_not_start_is_parked_by_name_and_the_others_trade_on(
    typed: Typed, write: Write, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typo in one strategy's parameters must be shown to the operator and must not halt the others."""
    for role in ("FEED", "EXECUTION", "STRATEGY"):
        monkeypatch.setenv(f"STEELYARD__ROLES__{role}", "tiny_role:build")
    config = write(MARKET + TINY_TRADERS, watch="backoff_cap_ms = 20")
    monkeypatch.setattr("engine.cli.system.check", lambda _: None)
    refuse = config.paths.run / "gamma.refuse"
    refuse.touch()
    of = ["--system", system]
    printed = typed("up", config.path, code=1)
    assert "gamma is PARKED, the other processes trade on: ValueError: asked to refuse" in printed
    printed = typed("status", *of, code=1)
    assert f"{system} (paper): trading, without gamma, which is parked" in printed
    assert "ValueError: asked to refuse" in printed
    assert "gamma does not run: ValueError: asked to refuse" in typed("restart", "gamma", *of, code=1)
    refuse.unlink()
    assert "gamma runs again" in typed("restart", "gamma", *of)
    assert {one["phase"] for one in call(config.paths.control, "status")["processes"]} == {"running"}
    assert "is down" in typed("down", *of)


def _kill_keepers(state: dict[str, Any]) -> None:
    """The guard and the supervisor, with SIGKILL."""
    supervisor = os.pidfd_open(state["pid"])
    for pid in (state["guard"], state["pid"]):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(state["guard"], 0)
    select.select([supervisor], [], [])
    os.close(supervisor)


def test_up_names_the_process_that_does_not_run(typed: Typed, write: Write, system: str, tmp_path: Path) -> None:
    """An operator needs the name and the error of a process that cannot start, not a wait of forty seconds."""
    config = write(
        '[[processes]]\nname = "venue"\ncommand = ["{python}", "-m", "engine.loopback.server"]\nready_line = true\n'
        f'environment = {{ PYTHONPATH = "{tmp_path}:{os.environ["PYTHONPATH"]}" }}\n'
        '[[processes]]\nname = "core"\nroles = ["alpha", "beta"]'
    )
    (tmp_path / "aiohttp.py").write_text("raise ModuleNotFoundError")  # as on a machine without the extra
    complaint = typed("up", config.path, code=1)
    assert "venue is waiting (died 5 times, exit 1: ModuleNotFoundError: the embedded venue needs aiohttp" in complaint
    assert "pip install 'steelyard[sim]'" in complaint.splitlines()[-1]
    assert "is down" in typed("down", "--system", system)


def test_up_that_stops_waiting_lists_what_still_runs(
    typed: Typed, write: Write, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator must not conclude from the error that nothing runs."""
    monkeypatch.setattr("engine.cli.system._spawn", lambda *_: subprocess.Popen([sys.executable, "-c", ""]))
    printed = typed("up", write().path, "--timeout", "0", code=1)
    assert "after 0 s not every process runs: the supervisor does not answer" in printed
    assert f"{system} STAYS UP" in printed


def test_a_system_without_execution_refuses_to_cancel(typed: Typed, write: Write, system: str) -> None:
    """`cancel-all` in a replay reported success although there is no execution."""
    config = write()
    typed("up", config.path)
    assert "(paper) has no execution" in typed("cancel-all", "--system", system, code=1)
    typed("down", "--system", system)


def test_a_system_in_a_directory_of_its_own_is_found_by_its_name(
    typed: Typed, write: Write, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` and `down` get no file, and searched the socket in the wrong directory."""
    config = write()
    file = Path(config.path)
    file.write_text(file.read_text().replace("[roles]", f'run_directory = "{tmp_path}/own"\n[roles]'))
    monkeypatch.delenv("STEELYARD_RUN_DIRECTORY")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    typed("up", config.path)
    assert (tmp_path / "own" / system / "control.sock").exists()
    assert typed.tree("status", "--system", system)["system"] == system
    assert system in known_systems()
    assert "is down" in typed("down", "--system", system)
    assert system not in known_systems()


def test_down_names_the_orders_it_leaves_and_is_not_content(typed: Typed, write: Write, system: str) -> None:
    """The segments are removed with the system: after that only the venue knows these orders."""
    config = write()
    typed("up", config.path)
    _write_orders(config)
    printed = typed("down", "--system", system, code=1)
    assert "2 orders are left at the venue" in printed
    assert "01" * 16 in printed
    assert shm.names(system) == []
    assert json.loads(config.paths.audit.read_text().splitlines()[-1])["orders_left"][1]["state"] == "sent"


def _state(phase: str, **more: Any) -> dict[str, Any]:
    """A status with one process, execution, in a phase."""
    one = {
        "name": "core",
        "roles": ["execution"],
        "kinds": ["execution"],
        "phase": phase,
        "exit_code": None,
        "starting_ms": 0,
        **more,
    }
    return {"halted": False, "halt_reason": "none", "stopping": False, "processes": [one]}


def test_the_headline_is_trading_only_while_execution_runs() -> None:
    """An operator may read the first word only; it must be right."""
    assert headline(_state("running")) == "trading"
    assert headline(_state("starting", starting_ms=21_000)) == "NOT trading, execution is starting for 21 s"
    assert headline(_state("running"), {"execution": "the order session is connecting"}) == (
        "NOT trading, the order session is connecting"
    )
    dead = _state("waiting", exit_code=69, start_in_ms=9_000)
    assert headline(dead) == "NOT trading, execution is dead (exit 69), starts again in 9 s"
    assert headline({**dead, "halted": True, "halt_reason": "deaths"}).startswith("HALTED (deaths), execution is dead")
    two = [
        {**dead["processes"][0], "roles": [name], "phase": phase}
        for name, phase in (("a", "running"), ("b", "waiting"))
    ]
    assert headline({**dead, "processes": two}) == "trading in part, b is dead (exit 69), starts again in 9 s"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Found(True, {"execution": "halted"}, supervisor=True, on_disk=False, orders_left=0), "NOT ON DISK"),
        (
            Found(False, {"execution": "silent"}, supervisor=True, on_disk=True, orders_left=0),
            "NOT CONFIRMED: execution",
        ),
        (Found(True, {"execution": "halted"}, supervisor=False, on_disk=True, orders_left=2), "2 orders are still"),
        (Found(False, {"a": "halted", "b": "silent"}, supervisor=True, on_disk=True, orders_left=0), "CONFIRMED: b"),
        (Found(True, {"a": "halted", "b": "dead"}, supervisor=True, on_disk=False, orders_left=0), "b is dead"),
    ],
)
def test_an_incomplete_halt_is_reported(found: Found, text: str) -> None:
    """A halt in memory only is lost at a reboot; an unconfirmed halt may have no effect."""
    assert text in found.text()
    assert not found.complete


def test_a_silent_supervisor_that_lives_is_not_to_be_started_again(
    typed: Typed, market: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` would be refused; a halt works without it."""
    monkeypatch.setattr("engine.cli.system.supervisor_pid", lambda _: 77)
    printed = typed("status", "--system", market.system.name, code=3)
    assert "engine-ctl halt works without it" in printed
    assert "engine-ctl up" not in printed


def test_the_one_living_system_is_meant_among_dead_ones(typed: Typed, market: Config) -> None:
    """Segments that a crash left must not keep a bare `down` from its system."""
    dead = f"{market.system.name}x"
    for system in (dead, market.system.name):
        shm.create(f"{system}.extra", lane_of("fills").record, kind="ring", capacity=1024, reserve=1)
    writer = shm.RingWriter(market.lane("extra"), lane_of("fills").record)
    try:
        assert choose_system(dead) == dead
        with_living = [system for system in shm.systems() if is_running(system)]
        assert market.system.name in with_living
        assert dead not in with_living
        assert typed.tree("shm", "stat", f"{dead}.extra", "--seconds", "0")["name"] == f"{dead}.extra"
    finally:
        writer.close()
        for system in (dead, market.system.name):
            shm.remove(f"{system}.extra")


def test_foreign_files_under_our_prefix_are_rows_not_tracebacks(typed: Typed, market: Config) -> None:
    """Anybody may put anything into /dev/shm; looking must go on."""
    name = market.system.name
    base = f"/dev/shm/steelyard.{name}"
    os.mkdir(f"{base}.folder")
    os.mkfifo(f"{base}.pipe")
    os.symlink("/etc/passwd", f"{base}.link")
    junk = f"/dev/shm/steelyard.{name}junk"
    open(junk, "wb").close()
    try:
        rows = {row["name"]: row for row in typed.tree("shm", "ls", "--system", name)}
        assert all("not a plain file" in rows[f"{name}.{kind}"]["error"] for kind in ("folder", "pipe", "link"))
        assert rows[f"{name}.orders.execution"]["cursor"] == 5
        assert f"{name}junk" not in typed("shm", "ls")
        assert "not a plain file" in typed("shm", "stat", f"{name}.pipe", code=1)
    finally:
        os.rmdir(f"{base}.folder")
        for path in (f"{base}.pipe", f"{base}.link", junk):
            os.unlink(path)


@pytest.mark.parametrize("words", [["capture", "check", "{file}", "--venue", "binance", "--json"], ["shm", "ls"]])
def test_a_closed_output_is_no_error(tmp_path: Path, words: list[str]) -> None:
    """`| head` must not end in a trace or in exit 120, whichever part of the tool was asked."""
    file = tmp_path / "a.ndjson"
    file.write_bytes(b'{"lastUpdateId":5,"bids":[["1.10","2"]],"asks":[["1.20","2"]],"symbol":"AB"}\n')
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "engine.cli", *(word.format(file=file) for word in words)]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("words", [["check", "{file}", "--json"], ["shm", "ls"], ["--version"]])
@pytest.mark.parametrize("buffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_one_line(write: Write, words: list[str], buffered: str) -> None:
    """A full disk is no bug of the command: it prints one line instead of a traceback, and fails."""
    command = [sys.executable, "-m", "engine.cli", *(word.format(file=write().path) for word in words)]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": buffered},
        )  # fmt: skip
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert b"the output cannot be written: No space left on device" in ended.stderr


@pytest.mark.parametrize(
    "words", [("up", "x.toml", "--timeout"), ("down", "--timeout"), ("shm", "stat", "x", "--seconds")]
)
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "soon"])
def test_a_duration_without_an_end_is_wrong_use(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], value: str
) -> None:
    """`up --timeout nan` started a trading system and reported that it had not."""
    with pytest.raises(SystemExit) as caught:
        main([*words, value])
    assert caught.value.code == 2
    assert f"expected a number of seconds of at least 0, was '{value}'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "check"])
def test_a_file_names_its_system_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """An option that is accepted and ignored starts another system than the operator typed."""
    with pytest.raises(SystemExit) as caught:
        main([command, "x.toml", "--system", "other"])
    assert caught.value.code == 2
    assert "--system" in capsys.readouterr().err
