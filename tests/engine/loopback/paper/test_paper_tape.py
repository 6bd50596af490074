"""The real market as the paper venue reads it from a feed's lanes: only what is known to be right counts."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import shm
from engine import instruments
from engine.lanes import FEED, open_lanes
from engine.lanes.create import create
from engine.lanes.map import lane_of
from engine.loopback.binance.keys import Key
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.market import fixed
from engine.loopback.orders import Kind, Order, OrderRequest, Status
from engine.loopback.paper.matching import PaperMatching
from engine.loopback.paper.places import Queue, Scale
from engine.loopback.paper.settings import PaperMarkets, PaperSettings, market_of
from engine.loopback.paper.tape import BATCH, SILENT_NS, Tape
from engine.loopback.paper.venue import open_paper
from engine.loopback.past import past_orders
from engine.loopback.truth import TruthLog, past_gains
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState, Flag, RoleState, TickKind

BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
PAPER = PaperSettings(fixed("0.001"), fixed("0.001"), Queue())
ME, KEY = "engine", "k" * 64
LAST, RESET, REFRESH = Flag.LAST, Flag.RESET, Flag.REFRESH
GOOD = BookState.GOOD


class Feed:
    """A feed's lanes with their writers, and the paper venue on them."""

    def __init__(self, truth: Path) -> None:
        """Make the lanes; the feed beats, and its book is not known."""
        self.system, self.truth, self.now_ns, self.beats = f"test-paper-{secrets.token_hex(6)}", truth, 10**15, 0
        for lane in (f"levels.{FEED}", f"ticks.{FEED}", f"instruments.{FEED}", f"heartbeat.{FEED}"):
            create(self.system, lane)
        lanes = open_lanes(self.system, FEED)
        self.levels, self.ticks = lanes.ring_writer("levels"), lanes.ring_writer("ticks")
        self.heartbeat = lanes.cell_writer("heartbeat")
        self.writers = (self.levels, self.ticks, self.heartbeat, lanes.cell_writer("instruments"))
        instruments.write(self.writers[-1], 0, BTC, 0)
        self.files: list[Any] = []
        self.beat()

    def open(self) -> BinanceVenue:
        """Start the paper venue, or start it again."""
        gains = past_gains(str(self.truth))
        markets = PaperMarkets(self.system, {1: ("BTCUSDT", Scale(2, 5))}, settings())
        past = past_orders(str(self.truth), markets.settings.markets)
        self.files.append(self.truth.open("ab"))
        self.venue = open_paper(markets, Queue(), self.now_ns, self.files[-1], gains, past)
        return self.venue

    def beat(self) -> None:
        """The feed lives."""
        self.beats += 1
        self.heartbeat.write(0, self.beats, 0, 0, 0, 0, 1, RoleState.RUNNING, 0, 0, 0)

    def level(self, side: int, price: int, size: int, flags: int = LAST, kind: int = TickKind.LEVEL) -> None:
        """A record of LEVELS."""
        self.levels.publish(self.now_ns, self.now_ns, 0, 0, price, size, 0, 1, kind, side, flags)

    def state(self, state: int, flags: int = LAST) -> None:
        """A state of the book."""
        self.levels.publish(self.now_ns, self.now_ns, 0, 0, 0, 0, state, 1, TickKind.STATE, 0, flags)

    def book(self) -> None:
        """A whole new book."""
        self.state(BookState.RESYNCING, RESET)
        self.level(BUY, 10_000, 500_000, 0)
        self.level(SELL, 10_100, 500_000, 0)
        self.state(GOOD)

    def trade(self, side: int, price: int, size: int) -> None:
        """A print on TICKS."""
        self.ticks.publish(self.now_ns, self.now_ns, 0, 0, price, size, 0, 1, TickKind.PRINT, side, LAST)

    def step(self, later_ns: int = 1_000_000) -> None:
        """Let the venue read what was published."""
        self.now_ns += later_ns
        self.venue.step(self.now_ns)

    @property
    def matching(self) -> PaperMatching:
        """The venue's matching."""
        assert isinstance(self.venue.matching, PaperMatching)
        return self.venue.matching

    @property
    def good(self) -> bool:
        """Whether the venue trades on the book."""
        return self.matching.real["BTCUSDT"].good

    def rest(self, client_id: str = "a") -> Order:
        """A bid of ours at the best price."""
        request = OrderRequest(ME, "BTCUSDT", client_id, BUY, Kind.LIMIT, price=fixed("100"), size=fixed("1"))
        order = self.matching.place(request, self.now_ns)
        assert isinstance(order, Order), order
        self.venue.step(self.now_ns)
        return order

    def lines(self) -> list[dict[str, Any]]:
        """The truth log."""
        return [orjson.loads(line) for line in self.truth.read_bytes().splitlines()]

    def remove(self) -> None:
        """Leave nothing."""
        for one in (*self.writers, *self.files):
            one.close()
        for name in shm.names(self.system):
            shm.remove(name)


def settings() -> VenueSettings:
    """One account with money, and the market of the instrument."""
    accounts = {ME: {"USDT": fixed("100000"), "BTC": fixed("10")}}
    keys = (Key(KEY, ME, b"s"),)
    return VenueSettings(markets=(market_of(BTC, PAPER),), flows={}, accounts=accounts, keys=keys, check=True)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    """Lanes that are removed after the test in every case."""
    made = Feed(tmp_path / "truth.log")
    yield made
    made.remove()


def test_a_book_counts_from_its_reset_to_its_next_doubt(feed: Feed) -> None:
    """Half of a snapshot is a book with made-up prices."""
    feed.open()
    assert not feed.good
    feed.state(BookState.RESYNCING, RESET)
    feed.level(BUY, 10_000, 500_000, 0)
    feed.step()
    assert not feed.good
    feed.state(GOOD)
    feed.step()
    assert feed.good
    feed.state(BookState.SUSPECT)
    feed.step()
    assert not feed.good


def test_half_of_an_event_fills_no_order(feed: Feed) -> None:
    """The feed is still publishing it: its levels that are gone would be taken beside those that came."""
    feed.open()
    feed.book()
    feed.step()
    feed.level(SELL, 10_200, 500_000, 0)
    feed.step()
    assert not feed.good
    feed.level(SELL, 10_100, 0)
    feed.step()
    assert feed.good


def test_a_venue_that_attaches_late_waits_for_two_marks_of_a_refresh(feed: Feed) -> None:
    """The lane no longer has the first book: levels that did not change since are missing."""
    feed.book()
    spare = bytes(lane_of("levels").record.size) * 1_024
    for _ in range(lane_of("levels").capacity // 1_024 + 2):
        feed.levels.publish_bytes(spare)
    feed.open()
    for _ in range(20):
        feed.step()
    feed.state(GOOD, LAST | REFRESH)
    feed.level(BUY, 10_000, 500_000, LAST | REFRESH)
    feed.step()
    assert not feed.good
    feed.state(GOOD, LAST | REFRESH)
    for _ in range(20):
        feed.step()
    assert feed.good
    assert feed.matching.real["BTCUSDT"].bids.best() == (fixed("100"), fixed("5"))


def test_lost_levels_close_the_book_until_it_is_whole_again(feed: Feed) -> None:
    """The venue was stopped for a minute and cannot know what it missed."""
    feed.open()
    feed.book()
    feed.step()
    assert feed.good
    spare = bytes(lane_of("levels").record.size) * 1_024
    for _ in range(lane_of("levels").capacity // 1_024 + 2):
        feed.levels.publish_bytes(spare)
    feed.step()
    tape = feed.venue.flows[0]
    assert isinstance(tape, Tape)
    assert (feed.good, tape.lost > 0) == (False, True)
    feed.book()
    for _ in range(20):
        feed.step()
    assert feed.good


def test_a_feed_without_a_heartbeat_stops_all_fills(feed: Feed) -> None:
    """Its process is dead, and its last book says GOOD for ever."""
    feed.open()
    feed.book()
    feed.step()
    order = feed.rest()
    feed.step(SILENT_NS + 1_000_000)
    assert not feed.good
    feed.trade(SELL, 9_900, 200_000)
    feed.step()
    assert order.filled == 0
    feed.beat()
    feed.step()
    assert feed.good


def test_prints_and_levels_are_applied_in_the_order_of_their_publishing(feed: Feed) -> None:
    """A print before the level that it explains, or after: the two lanes must not be read one after the other."""
    feed.open()
    feed.book()
    feed.step()
    order = feed.rest()
    feed.trade(SELL, 10_000, 450_000)
    feed.now_ns += 1_000
    feed.level(BUY, 10_000, 30_000)
    feed.now_ns += 1_000
    feed.trade(SELL, 10_000, 80_000)
    feed.step()
    assert order.filled == fixed("0.5")


def test_a_killed_venue_knows_its_fills_again_and_has_cancelled_what_was_open(feed: Feed) -> None:
    """Execution asks for the fill that it was not told, and for the order that it believes open."""
    feed.open()
    feed.book()
    feed.step()
    feed.rest("partly")
    feed.rest("open")
    feed.trade(SELL, 10_000, 540_000)
    feed.step()
    before = dict(feed.venue.ledger.accounts[ME].free)
    feed.now_ns += 1_000_000
    feed.open()
    feed.book()
    feed.step()
    partly, other = (feed.matching.by_client_id[ME, "BTCUSDT", name] for name in ("partly", "open"))
    assert (partly.status, partly.filled, len(partly.fills)) == (Status.CANCELED, fixed("0.4"), 1)
    assert (other.status, other.filled) == (Status.CANCELED, 0)
    assert [(one["what"], one["client_id"]) for one in feed.lines()[-2:]] == [
        ("cancelled", "partly"),
        ("cancelled", "open"),
    ]
    account = feed.venue.ledger.accounts[ME]
    assert account.gained("BTC") == fixed("0.3996")
    assert account.free["BTC"] == before["BTC"]
    assert account.locked["USDT"] == 0
    feed.rest("new")


def test_a_log_that_is_full_is_continued_in_a_file_that_knows_everything(feed: Feed) -> None:
    """Months on paper must not fill the disk, and a restart just after the change of files must lose nothing."""
    feed.open()
    feed.book()
    feed.step()
    feed.venue.truth = TruthLog(feed.files[-1], most_bytes=2_000)
    feed.rest("open")
    feed.trade(SELL, 10_000, 540_000)
    for number in range(6):
        feed.step()
        feed.matching.cancel(feed.rest(f"o{number}"), "", feed.now_ns)
        feed.level(SELL, 10_200, 1_000 + number)
    feed.step()
    full = feed.truth.with_name("truth.log.1")
    assert full.stat().st_size > 2_000
    assert any(one["what"] == "balances" for one in feed.lines())
    gained = feed.venue.ledger.accounts[ME].gained("BTC")
    assert gained
    feed.open()
    order = feed.matching.by_client_id[ME, "BTCUSDT", "open"]
    assert (order.status, order.filled, len(order.fills)) == (Status.CANCELED, fixed("0.4"), 1)
    assert feed.venue.ledger.accounts[ME].gained("BTC") == gained


def test_a_venue_whose_lanes_were_made_again_ends_so_that_it_is_started_again(feed: Feed) -> None:
    """It would reject every order for ever, on lanes without a writer."""
    feed.open()
    feed.book()
    feed.step()
    feed.levels.close()
    shm.remove(f"{feed.system}.levels.{FEED}")
    feed.step()
    with pytest.raises(SystemExit, match="was made again: this process reads the old one"):
        feed.step(SILENT_NS + 1_000_000)


def test_a_venue_that_starts_late_trades_on_the_newest_book_alone(feed: Feed) -> None:
    """A killed venue starts again beside a feed that has run: a book of minutes ago must fill no order."""
    feed.book()
    for _ in range(BATCH):
        feed.level(BUY, 9_000, 100_000)
    feed.level(SELL, 10_100, 0, 0)
    feed.level(SELL, 10_900, 500_000)
    feed.open()
    assert feed.good
    assert feed.matching.real["BTCUSDT"].asks.best() == (fixed("109"), fixed("5"))
