"""The live view, and what a terminal or a pipe makes of it."""

import io
import os
import re
import subprocess
import sys

import pytest
from rich.console import Console

from engine.cli import main
from engine.cli.keys import QUIT, Keys
from engine.config import Config
from engine.lanes import SUPERVISOR, open_lanes
from engine.model.words import (
    HaltReason,
)
from engine.monitor.figures import Figures
from engine.view.screen import Section, screen, share
from tests.engine.typed import Typed, write_fills, zeros


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
    write_fills(market)
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


def test_the_view_offers_no_json_that_it_does_not_speak() -> None:
    """It filled a program's pipe with a screen."""
    assert main(["view", "--json"]) == 2
