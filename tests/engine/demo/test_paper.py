"""configs/paper.toml as shipped: paper trading on the market data of another process, through deaths of the venue."""

import gzip
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from engine.cli import WRONG_USE, CommandError
from engine.cli.check import check
from engine.config import load
from engine.lanes import LOOKERS, open_lanes
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.paper.settings import PaperSettings, system_of
from engine.model.words import BookState, FrameKind, OrderState, Reason, RoleState
from engine.risk.limits import RiskLimits
from tests.engine.feed.replay.test_replay import write
from tests.engine.floor import CONFIGS, Floor, until
from tests.engine.on_paper import ANY_CORE, on_paper, real_market

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures")) / "binance"
RATE = (Reason.ORDER_RATE, Reason.STRATEGY_RATE)


@pytest.fixture
def market() -> Iterator[int]:
    """The port of a real market."""
    with real_market() as port:
        yield port


def test_paper_orders_fill_on_the_real_market_and_survive_the_death_of_the_paper_venue(
    floor: Callable[..., Floor], market: int
) -> None:
    """A month on paper outlives many restarts: no fill may be lost, no order may be left without a way to cancel it."""
    paper = on_paper(floor, market)
    paper.up()
    assert until(lambda: [one for one in paper.truth() if one["what"] == "fill"])
    assert paper.status()["mode"] == "paper"
    os.kill(paper.pid("venue"), signal.SIGKILL)
    assert until(lambda: any(one["what"] == "accepted" for one in after_restart(paper)))
    assert until(lambda: [one for one in after_restart(paper) if one["what"] == "fill"])
    assert paper.differences() == []


def after_restart(paper: Floor) -> list[dict[str, object]]:
    """The events of the venue's second life: its ids begin at the clock's milliseconds of its start."""
    truth = paper.truth()
    ids = [int(one["order_id"]) for one in truth]
    jump = next((place for place in range(1, len(ids)) if ids[place] - ids[place - 1] > 500), len(ids))
    return truth[jump:]


@pytest.mark.soak
def test_the_feeds_death_stops_the_fills_until_its_books_are_good_again(
    floor: Callable[..., Floor], market: int
) -> None:
    """A fill on the last book of a dead feed is made of old prices."""
    paper = on_paper(floor, market)
    paper.up()
    assert paper.trades()
    os.kill(paper.pid("feed"), signal.SIGKILL)
    books = open_lanes(paper.system, LOOKERS).cell_reader("book_tops")
    beats = open_lanes(paper.system, LOOKERS).cell_reader("heartbeat", "feed")
    assert until(lambda: books.read(0).state == BookState.GOOD and beats.read(0).state == RoleState.RUNNING)
    assert paper.trades()
    assert paper.differences() == []


@pytest.mark.parametrize("key", ["order_url", "order_request_url"])
@pytest.mark.parametrize("host", ["203.0.113.5", "api.binance.com"])
def test_no_order_of_a_paper_system_can_leave_the_machine(tmp_path: Path, key: str, host: str) -> None:
    """The market is the real one and the orders are not: one mistyped line must not send them there."""
    text = (CONFIGS / "paper.toml").read_text()
    (line,) = [one for one in text.splitlines() if one.startswith(f"{key} =")]
    file = tmp_path / "paper.toml"
    file.write_text(text.replace(line, line.replace("127.0.0.1:9720", host)))
    with pytest.raises(CommandError, match=rf"venue binance: {key}: orders would leave this machine") as caught:
        check(load(file))
    assert caught.value.code == WRONG_USE


def test_orders_go_to_a_real_venue_only_where_both_words_are_written() -> None:
    """Mode live is never a default: a file without a mode trades on paper."""
    shipped = load(CONFIGS / "paper.toml")
    assert (shipped.system.mode, shipped.orders_may_leave) == ("paper", False)
    unwritten = msgspec.structs.replace(shipped.system, mode=type(shipped.system)(name="x").mode)
    assert unwritten.mode == "paper"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('mode = "paper"', 'mode = "live"', 'mode is "live", expected "paper"'),
        ("levels = true", "levels = false", r"\[feed\] levels is off, expected levels = true"),
    ],
)
def test_the_paper_venue_refuses_a_system_of_another_mode_or_without_whole_books(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """It would fill the orders of a system that believes itself live, or fill on ten levels."""
    file = tmp_path / "paper.toml"
    file.write_text((CONFIGS / "paper.toml").read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=expected):
        system_of(str(file))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('fee_taker = "0.001"', r"\[paper\] fee_maker: expected a share as decimal text"),
        (
            'fee_maker = "0"\nfee_taker = "0"\nqueue = "first"',
            "queue 'first': expected one of conservative, power, log",
        ),
        ('fee_makr = "0"', r"\[paper\] fee_makr: unknown, did you mean fee_maker"),
    ],
)
def test_fees_of_the_paper_venue_must_be_written(tmp_path: Path, table: str, expected: str) -> None:
    """A default that flatters is a wrong result."""
    file = tmp_path / "venue.toml"
    file.write_text(f"[venue]\n[paper]\n{table}\n")
    with pytest.raises(ValueError, match=expected):
        PaperSettings.read(str(file))


def metadata(path: Path, at_ns: int) -> Path:
    """A recording of the venue's answer to exchangeInfo, which the captured one does not have."""
    venue = BinanceVenue(VenueSettings(), at_ns)
    _, _, body = venue.rest("GET", "/api/v3/exchangeInfo?symbol=BTCUSDT", {}, b"", at_ns)
    begin = b'{"venue":"binance","dialect":"binance","target":""}'
    response = b"200 /api/v3/exchangeInfo\n" + body
    return write(path, (at_ns, 1, FrameKind.BEGIN, begin), (at_ns, 1, FrameKind.RESPONSE, response))


@pytest.mark.soak
@pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recorded traffic in {CAPTURES}")
def test_paper_trading_runs_on_a_recorded_market(floor: Callable[..., Floor], tmp_path: Path) -> None:
    """Real books and real prints, without a network: the same file, with a recording in the place of the venue."""
    recorded = (CAPTURES / "spot_btcusdt_20240808.gz").resolve()
    with gzip.open(recorded) as lines:
        first_ns = int(lines.readline().split()[0])
    files = [metadata(tmp_path / "metadata.sycap", first_ns), recorded]
    source = f'levels = true\nsource = "replay"\n[feed.replay.files]\nbinance = {[str(file) for file in files]}\n'
    paper = floor(config="paper", **{"levels = true": source}, **ANY_CORE)
    paper.up()
    assert until(lambda: [one for one in paper.truth() if one["what"] == "fill"], 100)
    prints = open_lanes(paper.system, LOOKERS).ring_reader("ticks")
    assert abs(int(prints.latest(1)["receive_ns"][0]) - time.time_ns()) < 60 * 10**9
    assert paper.differences() == []


@pytest.mark.soak
def test_the_shipped_file_trades_on_after_its_first_minute(floor: Callable[..., Floor], market: int) -> None:
    """It used to stop after five seconds: its maker had used up the rate that its own table allowed."""
    paper = on_paper(floor, market)
    paper.up()
    lanes = open_lanes(paper.system, LOOKERS)
    orders, verdicts = lanes.ring_reader("orders"), lanes.ring_reader("verdicts")
    orders.cursor, verdicts.cursor = orders.header.first, verdicts.header.first
    sent: set[int] = set()
    deadline = time.monotonic() + 110
    while len(sent) < 80 and time.monotonic() < deadline:
        sent |= {row.intent_id for row in orders.rows() if row.state == OrderState.SENT}
        orders.wait(50_000_000)
    refused = {row.reason for row in verdicts.rows()}
    assert len(sent) >= 80
    assert not refused & set(RATE)


@pytest.mark.parametrize("name", ["paper.toml", "demo.toml"])
def test_a_shipped_makers_pace_is_within_its_share_of_the_order_rate(name: str) -> None:
    """An engineer who changes one of them must change the other."""
    shipped = load(CONFIGS / name)
    limits = msgspec.convert(shipped.risk, RiskLimits)
    share = limits.strategy_rate(limits.common_rate, len(shipped.strategies))
    maker = shipped.strategy("maker")
    interval_ms = maker.parameters.get("quote_interval_ms", 0)
    if interval_ms:
        assert 2 * len(maker.instruments) * 60_000 // interval_ms <= share
    else:
        assert share >= 1_000, "a maker without an interval needs a wide rate"
