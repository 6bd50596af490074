"""Where orders may go: the configuration's rule, and the same rule where the order session is opened."""

from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import destination
from engine.cli import WRONG_USE, CommandError
from engine.cli.check import check
from engine.config import Config, Venue
from engine.destination import TradingNetwork, check_destination, check_mode
from engine.lanes import lane_of
from engine.model.words import Mode
from engine.venues.port import PortState
from engine.venues.wire.dial import Dial, Lookup, Place, is_loopback
from engine.venues.wire.options import Proxy, WireOptions
from tests.engine.cli.test_check import URLS, market

Write = Callable[..., Config]
Row = namedtuple("Row", "since_ns mode armed")  # noqa: PYI024 - shaped like the cell's row
OUTSIDE = "203.0.113.5"  # reserved for documents: no host has it
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound
NAMES = {"ws-api.binance.com": [OUTSIDE], "here.example": ["127.0.0.1"], "both.example": ["127.0.0.1", OUTSIDE]}


class Cell:
    """The cell of the mode."""

    def __init__(self, row: Any) -> None:
        """With this in it."""
        self.row = row

    def read(self, index: int = 0) -> Any:  # noqa: ARG002 - the reader's shape
        """What it holds."""
        return self.row

    def sequence(self, index: int) -> int:
        """How often it was written."""
        return index


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that knows three names and no network."""
    known = destination.addresses_of
    monkeypatch.setattr(destination, "addresses_of", lambda host: NAMES.get(host) or known(host))
    return


def at(write: Write, url: str, system: str = "", more: str = "") -> Config:
    """A trading system whose order_url is this."""
    text = market(urls=URLS.replace('order_url = "ws://127.0.0.1:9"', f'order_url = "{url}"')) + more
    config = write(text)
    file = Path(config.path)
    file.write_text(file.read_text().replace("[roles]", f"{system}\n[roles]", 1))
    from engine.config import load

    return load(file)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "[::1]", "localhost", "here.example", "2130706433"])
def test_a_venue_on_this_machine_may_be_sent_orders_in_any_mode(write: Write, host: str) -> None:
    """The demo and every test are such systems."""
    check(at(write, f"ws://{host}:9/ws-api/v3"))


@pytest.mark.parametrize(
    ("mode", "live"),
    [
        ("", ""),
        ('mode = "live"', ""),
        ('mode = "paper"', "[live]\narmed = true\n"),
        ('mode = "live"', "[live]\narmed = false\n"),
    ],
)
@pytest.mark.parametrize("host", ["ws-api.binance.com", OUTSIDE, "both.example", "[::ffff:203.0.113.5]", ANYWHERE])
def test_orders_leave_the_machine_only_in_mode_live_and_armed(write: Write, mode: str, live: str, host: str) -> None:
    """Paper that sends real orders costs real money: it is refused before anything starts, and at execution's start."""
    config = at(write, f"wss://{host}/ws-api/v3", mode, live)
    with pytest.raises(CommandError, match="venue binance: order_url: orders would leave this machine") as caught:
        check(config)
    assert caught.value.code == WRONG_USE
    assert 'mode = "live" in [system] and armed = true in [live]' in str(caught.value)
    assert ("Paper trading on real prices, as in configs" in str(caught.value)) == ("live" not in mode)
    with pytest.raises(ValueError, match="orders would leave this machine"):
        check_destination(config, config.venue("binance"))


def test_live_and_armed_may_send_them_anywhere(write: Write) -> None:
    """It is what the two words are for."""
    check(at(write, "wss://ws-api.binance.com/ws-api/v3", 'mode = "live"', "[live]\narmed = true\n"))


def test_a_host_without_an_address_is_refused_by_name(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be looked up is not known to be this machine."""

    def nowhere(*_: Any, **__: Any) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", nowhere)
    with pytest.raises(CommandError, match=r"leave this machine for nowhere\.example \(no address is found for it\)"):
        check(at(write, "wss://nowhere.example/ws-api/v3"))


def test_market_data_alone_may_come_from_anywhere(write: Write) -> None:
    """No order can leave a system without execution."""
    text = market(urls=URLS.replace("127.0.0.1", "ws-api.binance.com"), roles="")
    config = write(
        text[: text.index("[[strategies]]")] + '[[processes]]\nname = "core"\nroles = ["alpha", "beta", "feed"]\n'
    )
    check(config)


@pytest.mark.parametrize(
    ("may_leave", "row"),
    [
        (False, Row(1, Mode.LIVE, 1)), (True, None), (True, Row(1, Mode.PAPER, 1)), (True, Row(1, Mode.LIVE, 0)),
    ],
)  # fmt: skip
def test_the_order_socket_connects_to_loopback_alone_unless_file_and_published_mode_agree(
    may_leave: bool, row: Any
) -> None:
    """A file that is edited, or a check that was not run, must not be enough."""
    venue = Venue(name="v", kind="binance", order_url=f"ws://{OUTSIDE}:9/", request_url=f"http://{OUTSIDE}:9/")
    network, refusal = (
        TradingNetwork(venue, Cell(row), may_leave=may_leave),
        "only loopback addresses may be connected to",
    )
    port = network.stream(1)
    port.poll(1)
    assert port.state is PortState.CLOSED
    assert f"{OUTSIDE} is {OUTSIDE}, {refusal}" in port.error
    requests = network.requests()
    requests.request("POST", "/order", {}, b"", 1)
    [answer] = requests.poll(2)
    assert (answer.status, refusal in answer.error) == (0, True), (
        "a venue that places over REST is held to the same rule"
    )


def test_a_name_that_changes_its_address_is_caught_at_the_socket() -> None:
    """What was loopback at the check may be another machine at the connection."""
    dial = Dial(Place("here.example", 9, secure=False, target="/"), WireOptions(loopback_only=True))
    dial._lookup = Lookup(OUTSIDE, 9)
    assert not dial.advance()
    assert f"here.example is {OUTSIDE}" in dial.error


def test_no_proxy_is_passed_on_the_way_to_loopback() -> None:
    """With a proxy the address that we see is the proxy's."""
    options = WireOptions(loopback_only=True, proxy=Proxy("127.0.0.1", 9))
    dial = Dial(Place("ws-api.binance.com", 443, secure=True, target="/"), options)
    assert not dial.advance()
    assert "through the proxy 127.0.0.1" in dial.error


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("127.0.0.1", True), ("127.255.255.254", True), ("::1", True), ("::ffff:127.0.0.1", True), ("::1%1", True),
        ("128.0.0.1", False), (ANYWHERE, False), ("::", False), ("10.0.0.1", False), ("::ffff:10.0.0.1", False),
    ],
)  # fmt: skip
def test_loopback_is_127_and_one_address_of_ipv6(address: str, is_ours: bool) -> None:
    """A private network is another machine."""
    assert is_loopback(address) is is_ours


def test_a_file_that_changed_its_mode_under_a_living_system_is_refused(write: Write) -> None:
    """The other roles still run in the old one; `down` and `up` make the change for all."""
    config = write()
    check_mode(config, None)
    check_mode(config, Row(1, Mode.PAPER, 0))
    with pytest.raises(ValueError, match="came up with mode live, armed True; its file now has paper, False"):
        check_mode(config, Row(1, Mode.LIVE, 1))
    assert lane_of("mode").writer == "supervisor"
