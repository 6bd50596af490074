"""A venue that is added from here alone: one description in the catalogue, and feed and `check` know all of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import pytest

from engine.cli import CommandError
from engine.cli.check import check
from engine.config import Config
from engine.feed.build import feed_config, ports_of
from engine.model.instrument import Instrument
from engine.model.words import BookState
from engine.venues.binance.market import BinanceDialect
from engine.venues.binance.scan import SpotRule
from engine.venues.catalogue import KINDS
from engine.venues.dialect import Listing, read_listed
from engine.venues.kind import NAME, Kind, MarketInterface, VenueOptions
from tests.engine.feed.feed_fakes import Bench, diff

Write = Callable[..., Config]


@dataclass
class PitDialect(BinanceDialect):
    """The venue "pit": messages as Binance writes them, with targets and metadata of its own."""

    name: str = "pit"

    def __post_init__(self) -> None:
        """Requests are not counted."""

    @property
    def snapshot_choices(self) -> tuple[tuple[int, int], ...]:
        """One depth."""
        return ((50, 1),)

    def rule(self) -> SpotRule:
        """Contiguous ids."""
        return SpotRule()

    def stream_target(self) -> str:
        """A path of its own."""
        return "/floor"

    def snapshot_target(self, symbol: str, levels: int) -> str:
        """A path of its own."""
        return f"/book/{symbol}?levels={levels}"

    def instruments_target(self, symbols: object) -> str:
        """A path of its own."""
        del symbols
        return "/listed"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """A list of symbols, all with two decimals of price and five of size."""
        listed = {symbol: {} for symbol in json.loads(body)}

        def read(symbol: str, _: Mapping[str, object], number: int) -> Instrument:
            return Instrument(number, "pit", symbol, symbol[:3], symbol[3:], 2, 5, 1, 1, 1, 10**12, 1)

        return read_listed("pit", listed, ids, read)


class PitOptions(VenueOptions, frozen=True, kw_only=True):
    """One product more than spot, and an option of its own."""

    product: Literal["spot", "members"] = "spot"
    seats: Annotated[int, msgspec.Meta(ge=1, le=9, description="a whole number in 1..9")] = 1


PIT = Kind(
    name="pit",
    options=PitOptions,
    markets={
        "spot": MarketInterface("pit", PitDialect),
        "members": MarketInterface("pit-members", PitDialect, NAME, headers=lambda key: {"X-Member": key[0]}),
    },
)
TABLES = """
[[venues]]
name = "corner"
kind = "pit"
stream_url = "ws://127.0.0.1:9"
request_url = "http://127.0.0.1:9"
order_url = "ws://127.0.0.1:9"
{more}
[[instruments]]
id = 7
venue = "corner"
symbol = "BTCUSD"
[[processes]]
name = "core"
roles = ["alpha", "beta", "feed"{roles}]
environment = {{ MEMBER = "me" }}
{end}
"""
STRATEGY = """[[strategies]]
name = "taker"
id = 1
class = "engine.strategy.samples:MomentumTaker"
instruments = [7]
[strategies.parameters]
size = "0.01"
entry = 0.45
exit = 0.2
half_life_prints = 8
drift_bps = 0.0
slip_steps = 5
"""


@pytest.fixture(autouse=True)
def pit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setitem(KINDS, "pit", PIT)


def tables(more: str = "", roles: str = "", end: str = "") -> str:
    """A system at the pit."""
    return TABLES.format(more=more, roles=roles, end=end)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A feed at the pit, without sockets."""
    made = Bench(venue="pit", symbols={"BTCUSD": 7})
    made.ports.rest.answers |= {"/listed": ["BTCUSD"], "/book/BTCUSD": {
        "lastUpdateId": 100, "bids": [["100.00", "1"]], "asks": [["101.00", "2"]]}}  # fmt: skip
    yield made
    made.close()


def test_the_feed_keeps_the_added_venues_book(bench: Bench) -> None:
    """A venue is one folder and one line: nothing in the feed may know the venues by name."""
    bench.connect()
    assert bench.stream.target == "/floor"
    bench.step(0.02, diff(90, 105, [["100.50", "3"]], symbol="BTCUSD"))
    for _ in range(4):
        bench.step()
    top = bench.top()
    assert (bench.state(), top.bid_price[0], top.ask_price[0]) == (BookState.GOOD, 10050, 10100)


def test_check_accepts_the_added_venue_and_the_feed_gets_its_choices(write: Write) -> None:
    """The options of a file choose the interface, by the venue's own types."""
    more = 'api_key = { env = "MEMBER" }\noptions = { product = "members", seats = 9, standby = true }'
    config = write(tables(more))
    check(config)
    made = feed_config(config, "feed", config.venues[0])
    assert (made.venue, made.standby) == ("pit-members", True)


def test_the_parts_of_a_key_that_a_stream_needs_open_it(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key goes to the place in the venue's description, and nowhere else."""
    monkeypatch.setenv("MEMBER", "me")
    [venue] = write(tables('api_key = { env = "MEMBER" }\noptions = { product = "members" }')).venues
    ports = ports_of(venue)
    assert vars(ports)["_headers"] == {"X-Member": "me"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "options = { seat = 3 }",
            r"unknown option 'seat', did you mean seats\? expected some of product, seats",
        ),
        ("options = { seats = 10 }", r"option seats: expected a whole number in 1\.\.9, was 10"),
        ("options = { standby = 'yes' }", "option standby: expected true or false, was 'yes'"),
        ("options = { product = 'swap' }", "option product: expected one of spot, members, was 'swap'"),
        ("options = { receive_window_ms = 5 }", "unknown option 'receive_window_ms'"),
        ("options = { product = 'members' }", 'product = "members" needs an api_key .* to open a stream, was none'),
    ],
)
def test_check_refuses_what_the_added_venue_does_not_know(write: Write, more: str, expected: str) -> None:
    """An option of another venue has no effect here: an operator must learn that before the start."""
    with pytest.raises(CommandError, match=f"feed: venue corner: {expected}"):
        check(write(tables(more)))


def test_check_refuses_orders_for_a_venue_without_a_trading_session(write: Write) -> None:
    """The venue has market data only: execution could not start, and the text names where orders can go."""
    with pytest.raises(CommandError, match="orders cannot go to pit spot yet, expected one of: binance spot"):
        check(write(tables(roles=', "execution", "taker"', end=STRATEGY)))
