"""`engine-ctl top` on a real system: in textual's own driver, and in a real terminal of several sizes."""

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.view import pages
from tests.engine.floor import DEADLINE_S, Floor, until

textual = pytest.importorskip("textual", reason="the extra top is not installed")
from textual.widgets import DataTable, Input  # noqa: E402

from engine.view.top import Top  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]


async def wait(pilot: Any, what: Callable[[], Any]) -> Any:
    """Let the application run until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := what()):
        assert time.monotonic() < deadline, "waited too long"
        await pilot.pause(0.05)
    return found


def cells(app: Top, page: str) -> list[list[str]]:
    """The rows of a page's table."""
    table: DataTable[str] = app.query_one(f"#{page}_table", DataTable)
    return [list(map(str, table.get_row_at(row))) for row in range(table.row_count)]


def is_halted(house: Floor) -> bool:
    """The halt word, as execution reads it."""
    row = open_lanes(house.system, LOOKERS).cell_reader("halt").read()
    return row is not None and bool(row.halted)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 10)])
def test_every_page_shows_the_system_and_a_halt_asks_first(floor: Callable[..., Floor], size: tuple[int, int]) -> None:
    """Over ssh at any size; a key that is pressed by mistake stops no trading."""
    house = floor()
    house.up()
    assert house.trades()

    async def use() -> None:
        app = Top(house.system)
        async with app.run_test(size=size) as pilot:
            await wait(pilot, app.figures.executions)
            await pilot.press("3")
            roles = await wait(pilot, lambda: cells(app, "roles"))
            assert {"feed", "execution", "maker", "taker", "supervisor"} <= {row[0] for row in roles}
            await pilot.press("4")
            hops = await wait(pilot, lambda: cells(app, "hops"))
            assert {"decode", "book", "gate", "submit", "acknowledge"} <= {row[0] for row in hops}
            await pilot.press("2")
            await wait(pilot, lambda: [row for row in cells(app, "orders") if row[0] == "fill"])
            await pilot.press("slash", *"maker", "enter")
            await wait(pilot, lambda: cells(app, "orders") and all("maker" in row for row in cells(app, "orders")))
            app.query_one("#filter", Input).value = ""
            await pilot.press("5")
            limits = await wait(pilot, lambda: cells(app, "limits"))
            assert "within its limits" in limits[0]
            await pilot.press("h")
            await pilot.press("n")
            assert not is_halted(house)
            await pilot.press("h")
            await wait(pilot, lambda: len(app.screen_stack) > 1)
            await pilot.press("y")
            await wait(pilot, lambda: is_halted(house))
            await wait(pilot, lambda: [row for row in cells(app, "limits") if row[:2] == ["system", "halted"]])
            await pilot.press("r")
            await wait(pilot, lambda: len(app.screen_stack) > 1)
            await pilot.press("y")
            await wait(pilot, lambda: not is_halted(house))

    asyncio.run(use())


@pytest.mark.timeout(240)
def test_a_system_that_is_silent_is_grey_and_one_that_comes_back_is_not(floor: Callable[..., Floor]) -> None:
    """The past must not look like now."""
    house = floor()
    house.up()
    assert house.trades()

    async def use() -> None:
        app = Top(house.system)
        async with app.run_test(size=(100, 30)) as pilot:
            await wait(pilot, lambda: (pages.age_ns(app.figures) or 1 << 60) < 10**9)
            await wait(pilot, lambda: not app.query_one("#system").has_class("old"))
            assert house.type("down", "--timeout", "60") in (0, 1)
            await wait(pilot, lambda: app.query_one("#system").has_class("old"))
            house.up()
            await wait(pilot, lambda: not app.query_one("#system").has_class("old"))

    asyncio.run(use())


def test_a_column_is_sorted_by_its_numbers() -> None:
    """As text 10 comes before 9."""
    assert sorted(["10", "9", "-", "1,000", "2.5"], key=pages.sort_key) == ["2.5", "9", "10", "1,000", "-"]


def run_in_terminal(system: str, width: int, height: int) -> tuple[subprocess.Popen[bytes], int]:
    """The command in a terminal of this size, and the terminal's other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    words = [sys.executable, "-m", "engine.cli", "top", "--system", system]
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    return process, ours


def read_until(terminal: int, *texts: bytes) -> bytes:
    """What the terminal gets until all of these were in it."""
    found, deadline = b"", time.monotonic() + DEADLINE_S
    while not all(text in found for text in texts):
        assert time.monotonic() < deadline, found[-2000:]
        if select.select([terminal], [], [], 0.1)[0]:
            found += os.read(terminal, 65536)
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("end", ["q", "^C", "SIGINT"])
def test_a_real_terminal_is_left_as_it_was(floor: Callable[..., Floor], end: str) -> None:
    """After `q` and after a signal: the alternate screen is closed and the cursor is back."""
    house = floor()
    house.up()
    process, terminal = run_in_terminal(house.system, 80, 24)
    try:
        read_until(terminal, b"\x1b[?1049h", house.system.encode())
        if end == "SIGINT":
            process.send_signal(signal.SIGINT)
        else:
            os.write(terminal, {"q": b"q", "^C": b"\x03"}[end])
        left = b""
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while process.poll() is None or select.select([terminal], [], [], 0)[0]:
                if select.select([terminal], [], [], 0.1)[0]:
                    left += os.read(terminal, 65536)
        assert until(lambda: process.poll() is not None)
        assert b"\x1b[?1049l" in left
        assert b"\x1b[?25h" in left
        assert b"Traceback" not in left
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
