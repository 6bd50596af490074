"""A book as an operator reads it: its prices, and what makes it stale or unknown."""

import dataclasses
import io
import time

import pytest
from rich.console import Console

import shm
from engine import instruments
from engine.cli.books import are_followed, books, print_books
from engine.config import Config
from engine.lanes import FEED, lane_of, open_lanes
from engine.lanes.create import create
from engine.model.words import (
    BookState,
)
from engine.monitor.figures import Figures
from engine.view.screen import _books, screen
from tests.engine.typed import BITCOIN, Typed, zeros


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
