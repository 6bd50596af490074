"""The page of a running system in a real browser, against the embedded venue's own book and truth log.

One system and one browser for all of it: the tests run in their order, and each leaves the system trading.
"""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websocket

from engine.lanes import LOOKERS, open_lanes
from tests.engine.conftest import remove_segments
from tests.engine.dashboard.browser import Page, browser
from tests.engine.dashboard.cut import Cable
from tests.engine.floor import DEADLINE_S, Floor, until
from tests.engine.ports import free_port

SIZES = [(1440, 900, False), (1024, 768, False), (390, 844, True)]
VIEWS = ("market", "orders", "risk", "engine")
STATE = "(await import('/main.js')).state"
PANELS = 14
KEY = "SteelyardLoopbackEngineKey0000000000"
MORE = """
[watch]
late_ms = 60_000 # a role that a test stops is not replaced
frozen_ms = 60_000
[alerts]
[dashboard]
port = {port}
frames_per_s = 30
rights = "trade"
hosts = ["127.0.0.1:{cable}"]
"""
RESTING = """
[[strategies]]
name = "resting"
id = 3
class = "tests.engine.dashboard.resting:Resting"
instruments = [2]
parameters = {{ price = "2900.00" }}
[[processes]]
name = "resting"
roles = ["resting"]
"""
STREAM = "btcusdt@depth20@100ms"
FILLS = """state.fills.map((one) => {
  const [price, size] = [one.price / 10 ** one.priceDecimals, one.size / 10 ** one.sizeDecimals];
  return [one.id, price.toFixed(8), size.toFixed(8), one.side];
})"""
ORDERS = """[...state.orders.values()].filter((one) => one.venueId).map((one) =>
  [one.id, (one.size / 10 ** one.sizeDecimals).toFixed(8), one.side])"""


@dataclass
class Desk:
    """A system that trades, and a browser with its page."""

    floor: Floor
    page: Page
    url: str
    cable: Cable

    def state(self, script: str) -> Any:
        """The value of an expression over `state`, what the page knows."""
        return self.page.ask(f"(async () => {{ const state = {STATE}; return {script}; }})()")

    def until(self, script: str, why: str) -> Any:
        """The same, as soon as it is true."""
        return self.page.until(f"(async () => {{ const state = {STATE}; return {script}; }})()", why)

    def halted(self) -> int:
        """The halt word."""
        row = open_lanes(self.floor.system, LOOKERS).cell_reader("halt").read(0)
        return row.halted if row is not None else 0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Up, with the page open and orders on it."""
    place, system, port = tmp_path_factory.mktemp("desk"), f"t{uuid.uuid4().hex[:12]}", free_port()
    cable = Cable(port)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STEELYARD_RUN_DIRECTORY", str(place / "run"))
        environment.setenv("STEELYARD_STATE_DIRECTORY", str(place / "state"))
        floor = Floor(place, system, (MORE + RESTING).format(port=port, cable=cable.port))
        try:
            floor.up()
            with browser(place) as page:
                made = Desk(floor, page, f"http://127.0.0.1:{port}/", cable)
                page.size(1440, 900)
                page.open(made.url)
                page.until(
                    "document.readyState == 'complete' && !!document.querySelector('.panel')", "the page is open"
                )
                made.until("state.orders.size > 5 && state.fills.length > 0", "orders and fills are on the page")
                yield made
        finally:
            cable.close()
            floor.sweep()
            remove_segments(system)


@pytest.mark.timeout(240)
def test_the_ladder_is_the_venues_book_of_its_sequence(desk: Desk) -> None:
    """A trader reads prices from it: each level that is shown is the venue's own, at the sequence that is shown."""
    desk.page.run("ladder")
    with closing(websocket.create_connection(f"{desk.floor.config.venues[0].stream_url}/ws/{STREAM}")) as stream:

        def equal() -> bool:
            """The venue's books of which the page has shown the same sequence, until there are a few."""
            books.append(json.loads(stream.recv()))
            seen = desk.page.ask("Object.fromEntries(window.seen)")
            return (
                sum(_agrees(seen[str(one["lastUpdateId"])], one) for one in books if str(one["lastUpdateId"]) in seen)
                >= 2  # seldom: a page on a busy machine skips most sequences
            )

        books: list[dict[str, Any]] = []
        assert until(equal, 2 * DEADLINE_S)


def _agrees(seen: dict[str, list[list[str]]], book: dict[str, Any]) -> bool:
    """Whether the shown levels are the venue's; a sequence that is shown with other levels fails the test."""
    for side in ("bids", "asks"):
        shown = [(float(price), float(size)) for price, size in seen[side] if price]
        real = [(float(price), float(size)) for price, size in book[side]][: len(shown)]
        assert len(shown) >= 3
        assert shown == real, (book["lastUpdateId"], side)
    return True


def test_the_halt_button_halts_and_the_page_has_every_order_and_fill(desk: Desk) -> None:
    """The button is for the worst moment: it ends in the halt word. Then nothing moves, and the page has what was."""
    desk.page.click("#halt")
    desk.page.press("Enter")  # the dialog's button has the focus
    assert until(desk.halted)
    desk.page.until("document.getElementById('halted').textContent.startsWith('HALTED')", "the page says so")
    desk.until("[...state.open.values()].every((one) => one.size === 0)", "no order is open")
    truth = desk.floor.truth()
    fills = sorted(
        [str(one["fill_id"]), one["fill_price"], one["fill_size"], one["side"]]
        for one in truth
        if one["what"] == "fill"
    )
    orders = sorted([one["client_id"], one["size"], one["side"]] for one in truth if one["what"] == "accepted")
    assert until(lambda: sorted(desk.state(FILLS)) == fills), desk.state(FILLS)
    assert sorted(desk.state(ORDERS)) == orders
    assert desk.page.ask("document.querySelector('#orders .count').textContent") == str(desk.state("state.orders.size"))


def test_no_secret_reaches_the_browser(desk: Desk) -> None:
    """What the page knows is what anybody at the desk sees."""
    known = desk.page.ask("""(async () => {
      const { state } = await import("/main.js");
      const listed = (value) => (value instanceof Map ? [...value] : value);
      const plain = (_, value) => (typeof value === "bigint" ? String(value) : listed(value));
      return JSON.stringify(state, plain) + document.documentElement.outerHTML;
    })()""")
    assert "BTCUSDT" in known
    assert KEY in (desk.floor.file).read_text()
    assert KEY not in known
    assert "PRIVATE KEY" not in known


def test_resume_needs_the_typed_word(desk: Desk) -> None:
    """A slip of the finger must not trade."""
    desk.page.click("#resume")
    assert desk.page.ask("document.querySelector('#ask button[type=submit]').disabled")
    desk.page.type("resume")
    desk.page.until("!document.querySelector('#ask button[type=submit]').disabled", "the word is typed")
    desk.page.press("Enter")
    assert until(lambda: not desk.halted())
    desk.page.until("document.getElementById('halted').textContent === 'trading'", "the page says so")
    assert desk.floor.trades()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_overflows_overlaps_or_is_empty(desk: Desk, size: tuple[int, int, bool], tmp_path: Path) -> None:
    """On a desk, a laptop and a phone: every panel has its content, inside its border, beside the others."""
    width, height, phone = size
    desk.page.size(width, height, phone=phone)
    desk.page.open(desk.url)
    desk.page.until("!!document.querySelector('.panel')", "the page is open")
    desk.until("state.orders.size > 5 && state.latency.length > 5 && state.limits.length > 0", "its state has arrived")
    seen: set[str] = set()
    for view in VIEWS if phone else ("",):
        if view:
            desk.page.click(f"#tabs [data-view={view}]")
        found = desk.page.run("layout")
        assert (found["faults"], found["empty"]) == ([], []), view
        seen.update(found["panels"])
        desk.page.picture(tmp_path / f"{width}{view}.png")
    assert len(seen) == PANELS
    assert desk.page.errors == []
    assert {url for url in desk.page.requests if not url.startswith((desk.url, "data:", "about:"))} == set()


def test_a_venues_text_is_never_markup(desk: Desk) -> None:
    """Symbols and error texts come from outside: one that is a script must be shown, not run."""
    desk.page.size(1440, 900)
    desk.page.run("hostile")
    shown = "[...document.querySelectorAll('.panel')].filter((one) => one.innerText.includes('onerror')).length"
    desk.page.until(f"{shown} >= 4", "the panels show the text")
    assert desk.page.ask("document.querySelectorAll('.panel img').length") == 0
    assert desk.page.ask("window.struck ?? null") is None
    desk.page.open(desk.url)
    desk.until("state.orders.size > 5", "the page is open again")


def test_a_frozen_feed_turns_its_panels_grey_and_no_other(desk: Desk) -> None:
    """A price that has stopped must not look like a price of now, and a panel that is right must not look wrong."""
    pid = desk.floor.pid("feed")
    os.kill(pid, signal.SIGSTOP)
    try:
        for panel in ("ladder", "chart", "instruments"):
            desk.page.until(
                f"document.querySelector('#{panel}[data-stale] .age')?.textContent.startsWith('stale')", panel
            )
        desk.page.until("!document.querySelector('#parameters[data-stale]')", "the parameters are not of the feed")
    finally:
        os.kill(pid, signal.SIGCONT)
    desk.page.until("!document.querySelector('#ladder[data-stale]')", "the feed is back")


def test_a_frozen_server_turns_everything_grey_and_the_state_unknown(desk: Desk) -> None:
    """No byte arrives, no connection ends, as in a cut network: by its own clock the page says it knows nothing."""
    pid = desk.floor.pid("dashboard")
    os.kill(pid, signal.SIGSTOP)
    try:
        desk.page.until(f"document.querySelectorAll('.panel[data-stale]').length === {PANELS}", "every panel is grey")
        desk.page.until("document.getElementById('halted').textContent === 'state unknown'", "the head knows nothing")
        desk.page.until("!document.getElementById('cut').hidden", "the page says why")
    finally:
        os.kill(pid, signal.SIGCONT)
    desk.page.until("document.querySelectorAll('.panel[data-stale]').length === 0", "everything is back")
    desk.page.until("document.getElementById('cut').hidden", "and nothing is said")


def test_a_cut_network_turns_everything_grey_until_it_is_mended(desk: Desk) -> None:
    """No byte arrives and no connection ends; what waited in the network is old when it arrives."""
    desk.page.open(f"http://127.0.0.1:{desk.cable.port}/")
    desk.page.until("!!document.querySelector('.panel')", "the page is open, over the network")
    desk.until("state.orders.size > 5", "its state has arrived")
    desk.page.until("document.querySelectorAll('.panel[data-stale]').length === 0", "everything is fresh")
    desk.cable.cut()
    try:
        desk.page.until(f"document.querySelectorAll('.panel[data-stale]').length === {PANELS}", "every panel is grey")
        desk.page.until("document.getElementById('halted').textContent === 'state unknown'", "the head knows nothing")
    finally:
        desk.cable.mend()
    desk.page.until("document.querySelectorAll('.panel[data-stale]').length === 0", "everything is back")
    orders = desk.state("state.orders.size")
    desk.until(f"state.orders.size > {orders}", "new orders arrive")
    desk.page.open(desk.url)
    desk.until("state.orders.size > 5", "the page is as before")


def shown(desk: Desk, text: str) -> None:
    """Wait until the page shows an answer with this text."""
    answers = "document.getElementById('answers').textContent"
    desk.page.until(f"{answers}.includes({json.dumps(text)})", f"{text}, but {desk.page.ask(answers)}")


def resting(desk: Desk) -> list[dict[str, Any]]:
    """What the venue did with the orders that rest far from the market."""
    return [one for one in desk.floor.truth() if float(one.get("price") or 0) in (2900.0, 2880.0)]


def test_an_order_is_cancelled_by_a_click(desk: Desk) -> None:
    """The venue's own log has the cancel of exactly this order."""
    desk.page.until("!!document.getElementById('orders-filter')", "the blotter is there")
    desk.page.click("#orders-filter")
    desk.page.type("resting")
    assert until(lambda: {one["client_id"] for one in resting(desk)} & desk.floor.open_orders())
    click = """(() => {
      const rows = [...document.querySelectorAll("#orders tbody tr")];
      const button = rows.find((one) => one.textContent.includes("open"))?.querySelector("button");
      button?.click();
      return Boolean(button);
    })()"""
    [client_id] = {one["client_id"] for one in resting(desk)} & desk.floor.open_orders()
    desk.page.until(click, "the order that rests is shown")
    desk.page.press("Enter")
    shown(desk, "accepted; execution carries it out")
    assert until(
        lambda: [one for one in desk.floor.truth() if one["what"] == "cancelled" and one["client_id"] == client_id]
    )


def change(desk: Desk) -> None:
    """Open the dialog for the price of the resting order, with the old value chosen."""
    rows = "[...document.querySelectorAll('#parameters tbody tr')]"
    row = f"{rows}.find((one) => one.textContent.includes('resting') && one.textContent.includes('price'))"
    desk.page.ask("document.getElementById('parameters').scrollIntoView()")
    desk.page.until(f"!!{row}", "the parameter is shown")
    desk.page.ask(f"{row}.querySelector('button').click()")
    desk.page.ask("document.querySelector('#ask input').select()")


def test_a_parameter_is_set_by_a_click_and_one_that_changed_meanwhile_is_not(desk: Desk) -> None:
    """The strategy itself has the new value; two operators who change one value see that they are two."""
    change(desk)
    desk.page.type("2880.00")
    desk.page.press("Enter")
    shown(desk, "price: 2900.00 → 2880.00")
    assert until(lambda: [one for one in resting(desk) if float(one["price"]) == 2880.0])
    audit = (desk.floor.paths.state / "audit.log").read_text()
    assert '"command":"set"' in audit.replace(" ", "")
    desk.page.ask("document.getElementById('parameters').scrollIntoView()")
    rows = "[...document.querySelectorAll('#parameters tbody tr')]"
    desk.page.until(f"{rows}.some((one) => one.textContent.includes('2880.00'))", "the page shows the new value")
    change(desk)
    assert desk.floor.type("set", "resting.price", "2900.00") == 0
    desk.page.type("2870.00")
    desk.page.press("Enter")
    shown(desk, "resting.price is 2900.00 by now, expected 2880.00")


def test_flatten_ends_every_position_at_the_venue(desk: Desk) -> None:
    """By the truth log nothing is held and nothing open; then trading is resumed from the page."""
    desk.page.click("#flatten")
    desk.page.type("flatten")
    desk.page.press("Enter")
    assert until(desk.halted)
    assert until(lambda: not held(desk))
    assert until(lambda: not desk.floor.open_orders())
    desk.page.until("!document.getElementById('resume').disabled", "the page knows the halt")
    desk.page.click("#resume")
    desk.page.type("resume")
    desk.page.press("Enter")
    assert until(lambda: not desk.halted())
    assert desk.floor.trades()


def held(desk: Desk) -> bool:
    """Whether a strategy holds what an order can close, by the cells of execution."""
    cells = open_lanes(desk.floor.system, LOOKERS).cell_reader("positions", "execution")
    return any(row.size for index in range(cells.count) if (row := cells.read(index)) is not None)


def test_the_page_survives_a_restart_of_the_engine(desk: Desk) -> None:
    """It stays open overnight: after `down` and `up` it shows the new life without a touch."""
    before = desk.state("state.roles.get('execution').pid")
    assert desk.floor.type("down", "--timeout", "60") == 0
    desk.page.until("!document.getElementById('cut').hidden", "the page says that it has no connection")
    desk.floor.up()
    desk.until(f"(state.roles.get('execution')?.pid ?? {before}) !== {before}", "the new processes are shown")
    desk.page.until("document.querySelectorAll('.panel[data-stale]').length === 0", "everything is of now")
    assert desk.floor.trades()
    assert desk.page.ask("performance.getEntriesByType('navigation').length") == 1
