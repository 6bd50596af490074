"""`engine-ctl ticks`, over lanes that a feed writes."""

import json
import secrets
from collections.abc import Callable, Iterator

import pytest

import shm
from engine import instruments
from engine.cli import main
from engine.lanes import FEED, open_lanes
from engine.lanes.create import create
from engine.model.instrument import Instrument
from engine.model.words import Flag, TickKind

BTC = Instrument(7, "north", "BTCUSDT", "BTC", "USDT", 2, 8, 1, 1, 1, 10**12, 0)
ETH = Instrument(8, "south", "ETH-USD", "ETH", "USD", 2, 8, 1, 1, 1, 10**12, 0)
Publish = Callable[..., None]


@pytest.fixture
def system() -> Iterator[str]:
    """The lanes of a system with two instruments."""
    name = f"test-ticks-{secrets.token_hex(6)}"
    for lane in ("ticks.feed", "instruments.feed"):
        create(name, lane, wake="never")
    cells = open_lanes(name, FEED).cell_writer("instruments")
    for place, one in enumerate((BTC, ETH)):
        instruments.write(cells, place, one, 0)
    yield name
    cells.close()
    for lane in ("ticks.feed", "instruments.feed"):
        shm.remove(f"{name}.{lane}")


@pytest.fixture
def publish(system: str) -> Iterator[Publish]:
    """The feed's hand on TICKS."""
    ring = open_lanes(system, FEED).ring_writer("ticks")

    def publish(kind: TickKind, price: int, size: int, instrument: int = 7, flags: int = 1) -> None:
        ring.publish(5_000, 6_000, 4_000, 1, price, size, 0, instrument, kind, 1, flags)

    yield publish
    ring.close()


def lines(system: str, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    """What the command printed."""
    assert main(["ticks", "--system", system, *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_prints_are_printed_in_the_schema(system: str, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a trade, and nothing else of the ring's."""
    publish(TickKind.PRINT, 6_100_050, 25_000_000)
    publish(TickKind.BEST, 6_100_000, 100_000_000)
    assert lines(system, capsys) == [
        {"symbol": "BTCUSDT", "price": 61000.5, "volume": 0.25, "timestamp_us": 5, "exchange": "north"}
    ]


def test_a_repeated_or_removed_best_price_is_no_tick(
    system: str, publish: Publish, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repetition is not a change, and an empty side has no price."""
    publish(TickKind.BEST, 100, 100_000_000)
    publish(TickKind.BEST, 100, 100_000_000, flags=Flag.LAST | Flag.REFRESH)
    publish(TickKind.BEST, 0, 0)
    assert [line["price"] for line in lines(system, capsys, "--kind", "best")] == [1.0]


@pytest.mark.parametrize("word", ["ETH-USD", "8"])
def test_one_instrument_is_chosen_by_symbol_or_id(
    system: str, publish: Publish, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    """The newest N ticks are those of the named instrument, whatever else is in the ring."""
    publish(TickKind.PRINT, 100, 1, 8)
    publish(TickKind.PRINT, 200, 1, 8)
    for _ in range(20):
        publish(TickKind.PRINT, 300, 1, 7)
    assert [line["price"] for line in lines(system, capsys, word, "-n", "1")] == [2.0]


def test_a_number_that_would_be_rounded_ends_it(
    system: str, publish: Publish, capsys: pytest.CaptureFixture[str]
) -> None:
    """Better no line than a wrong one."""
    publish(TickKind.PRINT, 2**53 + 1, 1)
    assert main(["ticks", "--system", system]) == 1
    assert "BTCUSDT, tick 0: 90071992547409.93 has more digits than a float carries" in capsys.readouterr().err


def test_an_unknown_instrument_is_named_with_those_there_are(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty answer would look like a quiet market."""
    assert main(["ticks", "SOLUSDT", "--system", system]) == 2
    assert "no instrument 'SOLUSDT'" in capsys.readouterr().err


def test_the_ticks_of_several_feeds_are_printed_in_the_order_of_their_publishing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tool that reads one of two feeds shows half of the market without a warning."""
    name = f"test-ticks-{secrets.token_hex(6)}"
    made = {"east": BTC, "west": ETH}
    writers = []
    for place, (feed, one) in enumerate(made.items()):
        for lane in ("ticks", "instruments"):
            create(name, f"{lane}.{feed}", wake="never")
        cells, ring = open_lanes(name, FEED, feed).cell_writer("instruments"), open_lanes(name, FEED, feed)
        instruments.write(cells, place, one, 0)
        writers += [cells, ring.ring_writer("ticks")]
    for at_ns, ring, one in ((1, writers[3], ETH), (2, writers[1], BTC), (3, writers[3], ETH)):
        ring.publish(5_000, at_ns, 4_000, 1, 100 + at_ns, 10**8, 0, one.id, TickKind.PRINT, 1, 1)
    try:
        found = [(line["symbol"], line["price"]) for line in lines(name, capsys)]
        assert found == [("ETH-USD", 1.01), ("BTCUSDT", 1.02), ("ETH-USD", 1.03)]
        assert [line["price"] for line in lines(name, capsys, "-n", "1", "BTCUSDT")] == [1.02]
    finally:
        for writer in writers:
            writer.close()
        for lane in shm.names(name):
            shm.remove(lane)
