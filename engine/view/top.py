"""`engine-ctl top`: the system on a terminal, one page at a time, with keys; it needs textual (an extra).

    1 system    the screen of engine-ctl view, sized to the terminal
    2 orders    open orders and newest fills; `/` filters, `s` sorts by the next column
    3 roles     process, state, heartbeat, lag, errors, processor time, memory
    4 hops      how long each hop takes, beside its budget
    5 limits    what is halted, by what, since when, and what ends it; the monitor's figures

`h` halts and `r` resumes: each asks first, and runs `engine-ctl` with the rights of this user. Everything else is read.
The line at the top has the age of what is shown; a page whose source is older than a second is grey.
"""

import subprocess
import sys
import time
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Label, Static, TabbedContent, TabPane

from engine.model.text import word
from engine.model.words import HaltReason
from engine.monitor.budgets import budgets_of
from engine.monitor.figures import Figures
from engine.monitor.meters import MeterReaders
from engine.view import pages
from engine.view.screen import screen

EVERY_S = 0.5
OLD_NS = 1_000_000_000
COMMAND_S = 60.0
PAGES = {"system": "1 system", "orders": "2 orders", "roles": "3 roles", "hops": "4 hops", "limits": "5 limits"}


class Ask(ModalScreen[bool]):
    """Asks whether a command is meant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "yes"), Binding("n,escape", "dismiss(False)", "no"),
    ]  # fmt: skip

    def __init__(self, text: str) -> None:
        """Ask this."""
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The question and the keys."""
        with Vertical(id="ask"):
            yield Label(self._text)
            yield Label("y yes · n no")


class Top(App[None]):
    """The pages of one system."""

    AUTO_FOCUS = ""  # the field of the filter would receive every key
    CSS = """
    #head { height: 1; }
    #ask { width: 60; max-width: 90%; height: 4; border: round $warning; padding: 0 1; background: $surface; }
    Ask { align: center middle; }
    TabbedContent, ContentSwitcher, TabPane { height: 1fr; padding: 0; }
    DataTable { height: 1fr; }
    Input { height: 1; border: none; display: none; }
    .old { opacity: 40%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(name[0], f"page('{page}')", page, show=False) for page, name in PAGES.items()),
        Binding("h", "run_command('halt')", "halt"), Binding("r", "run_command('resume')", "resume"),
        Binding("slash", "filter", "filter"), Binding("s", "sort", "sort"), Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
    ]  # fmt: skip

    def __init__(self, system: str) -> None:
        """Attach to a system, which may go down and come up meanwhile."""
        super().__init__()
        self.system = system
        self.figures, self._meters = Figures(system), MeterReaders(system)
        self._sorted: dict[str, int] = {}  # by page: the column
        self._error = ""

    def compose(self) -> ComposeResult:
        """The head, a tab for each page, the keys."""
        yield Static(id="head")
        with TabbedContent(initial="system"):
            with TabPane(PAGES["system"], id="system"):
                yield Static(id="screen")
            for page in ("orders", "roles", "hops", "limits"):
                with TabPane(PAGES[page], id=page):
                    yield DataTable(id=f"{page}_table", cursor_type="row", zebra_stripes=True)
        yield Input(placeholder="filter: symbol, strategy, side, state; Enter ends", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read."""
        self.refresh_page()
        self.set_interval(EVERY_S, self.refresh_page)

    def refresh_page(self) -> None:
        """Read the lanes, and draw the page that is open."""
        try:
            self.figures.poll()
            self._error = ""
        except (OSError, ValueError) as error:  # lanes that are being removed
            self._error = str(error)
        with suppress(NoMatches):  # when the program ends, its widgets are removed one by one
            self._draw()

    def _draw(self) -> None:
        """Draw the page that is open."""
        age_ns = pages.age_ns(self.figures)
        page = self.query_one(TabbedContent).active
        self.query_one("#head", Static).update(self._head(age_ns))
        self.query_one(f"#{page}").set_class(age_ns is None or age_ns > OLD_NS, "old")
        if page == "system":
            size = self.query_one("#screen", Static).parent.size  # type: ignore[union-attr]
            self.query_one("#screen", Static).update(screen(self.figures, max(size.width, 20), max(size.height, 8)))
        else:
            self._fill(page)

    def _head(self, age_ns: int | None) -> Text:
        age = "no heartbeat" if age_ns is None else f"{age_ns / 1e9:.1f} s old"
        style = "bold red" if age_ns is None or age_ns > OLD_NS else "green"
        head = Text(f"{self.system} · {time.strftime('%H:%M:%S', time.gmtime())} UTC · ")
        head.append(age, style)
        return head.append(f" · {self._error}", "red") if self._error else head

    def _fill(self, page: str) -> None:
        """Fill a page's table, filtered and sorted, and keep the place of its cursor."""
        table: DataTable[str] = self.query_one(f"#{page}_table", DataTable)
        columns, rows = self._rows(page)
        wanted = self.query_one("#filter", Input).value.lower() if page == "orders" else ""
        found = [row for row in rows if wanted in " ".join(row).lower()]
        if (column := self._sorted.get(page, -1)) >= 0:
            found.sort(key=lambda row: pages.sort_key(row[column]))
        place = table.cursor_row
        table.clear(columns=True)
        heads = [f"{name} ↓" if number == column else name for number, name in enumerate(columns)]
        table.add_columns(*heads)
        table.add_rows(found)
        table.move_cursor(row=min(place, max(len(found) - 1, 0)))

    def _rows(self, page: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        if page == "orders":
            columns, rows = pages.orders(self.figures)
        elif page == "roles":
            columns, rows = pages.roles(self.figures, self._meters.read())
        elif page == "hops":
            columns, rows = pages.hops(self._meters.read(), budgets_of(self.system))
        else:
            columns, rows = pages.limits(self.figures)
        return columns, list(rows)

    def action_page(self, page: str) -> None:
        """Open a page."""
        self.query_one(TabbedContent).active = page
        self.call_after_refresh(self.refresh_page)

    def action_filter(self) -> None:
        """Type a filter of the orders."""
        self.action_page("orders")
        field = self.query_one("#filter", Input)
        field.styles.display = "block"
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter is typed; an empty one disappears."""
        event.input.styles.display = "block" if event.value else "none"
        self.query_one("#orders_table", DataTable).focus()
        self.refresh_page()

    def action_sort(self) -> None:
        """Sort by the next column; after the last one as the lanes have it."""
        page = self.query_one(TabbedContent).active
        if page != "system":
            columns = len(self.query_one(f"#{page}_table", DataTable).columns)
            following = self._sorted.get(page, -1) + 1
            self._sorted[page] = following if following < columns else -1
            self.refresh_page()

    @work
    async def action_run_command(self, command: str) -> None:
        """Ask, then run the command."""
        halted = [row for row in self.figures.cells("halt") if row.halted]
        why = f" (halted: {word(HaltReason, halted[0].reason).lower()})" if halted else ""
        if await self.push_screen_wait(Ask(f"{command} {self.system}{why}?")):
            self._execute(command)

    @work(thread=True)
    def _execute(self, command: str) -> None:
        """Run `engine-ctl` as this user, and show its answer."""
        words = [sys.executable, "-m", "engine.cli", command, "--system", self.system]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_S, check=False)
            text, failed = (done.stdout + done.stderr).strip(), done.returncode != 0
        except subprocess.TimeoutExpired:
            text, failed = f"{command}: no answer within {COMMAND_S:.0f} s: engine-ctl status", True
        self.call_from_thread(self.notify, text, severity="error" if failed else "information", timeout=15)
