"""What is followed of what the venue lists: new symbols, changed decimals, refusals, and what is shown of each."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from engine.feed.config import FeedConfig
from engine.feed.instruments.instrument_source import InstrumentSource
from engine.feed.instruments.listed_symbols import NOTHING_MISSING, ListedSymbols
from engine.model.instrument import Instrument
from engine.model.words import BookState
from engine.venues.catalogue import dialect_of
from engine.venues.pace.budget import Budget
from tests.engine.feed.feed_fakes import EXCHANGE_INFO, SECOND, START, Bench, FakeRequests

SYMBOLS = {"BTCUSDT": 7, "ETHUSDT": 8}


@dataclass
class Registry:
    """Listings over a venue that answers at once."""

    listed: ListedSymbols
    rest: FakeRequests
    source: InstrumentSource
    shown: dict[str, Instrument]
    now: int = START

    def reload(self, info: dict[str, object] = EXCHANGE_INFO) -> tuple[list[str], bool] | None:
        """Let the venue answer this when it is asked next, and take it."""
        self.rest.answers["/api/v3/exchangeInfo"] = info
        self.now += 601 * SECOND
        self.listed.has_news(self.now)
        for response in self.rest.poll(self.now):
            self.source.apply(response, self.now)
        return self.listed.apply_news(self.now) if self.listed.has_news(self.now) else None

    def show(self, one: Instrument, *_: int) -> None:
        """Note what is shown."""
        self.shown[one.symbol] = one


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Lanes to publish on."""
    made = Bench(symbols=SYMBOLS)
    yield made
    made.close()


def registry_of(bench: Bench, **config: object) -> Registry:
    """Listings of two symbols."""
    settings = FeedConfig(**{"venue": "binance", "symbols": SYMBOLS, **config})
    dialect, rest = dialect_of("binance"), FakeRequests()
    source = InstrumentSource(settings, dialect, rest, Budget(settings, dialect))
    made = Registry(ListedSymbols(settings, dialect, source, bench.outbox, lambda *_: None), rest, source, {})
    made.listed._publish = made.show
    return made


def info_of(*symbols: str, tick: str = "0.01000000") -> dict[str, object]:
    """Metadata of these symbols."""
    info = copy.deepcopy(EXCHANGE_INFO)
    info["symbols"] = [one for one in info["symbols"] if one["symbol"] in symbols]
    for one in info["symbols"]:
        one["filters"][0]["tickSize"] = tick
    return info


def test_each_symbol_is_new_once(bench: Bench) -> None:
    """What is new is subscribed; subscribing again what flows would cost its book."""
    registry = registry_of(bench)
    assert registry.reload(info_of("BTCUSDT")) == (["BTCUSDT"], False)
    first = registry.listed.pipeline
    assert registry.reload() == (["ETHUSDT"], False)
    assert registry.reload() == ([], False)
    assert registry.listed.pipeline is first
    assert [track.symbol for track in first.tracks] == ["BTCUSDT", "ETHUSDT"]


def test_nothing_is_followed_before_the_venue_answered(bench: Bench) -> None:
    """Without metadata no number can be read, so there is no pipeline to read them with."""
    registry = registry_of(bench)
    assert not registry.listed.has_news(registry.now)
    assert registry.listed.pipeline is None


def test_a_symbol_that_is_not_listed_is_void_and_shown_as_such(bench: Bench) -> None:
    """A role that waits for every instrument must learn that this one never comes, and not trade it."""
    registry = registry_of(bench)
    registry.reload(info_of("BTCUSDT"))
    registry.listed.publish_all(NOTHING_MISSING, registry.now)
    assert bench.state(8) == BookState.REFUSED
    assert (registry.shown["ETHUSDT"].kind, registry.shown["ETHUSDT"].trading) == ("unlisted", False)


def test_changed_decimals_are_a_change_only_while_no_role_uses_the_old_ones(bench: Bench) -> None:
    """A reader that took a price of three decimals for one of two would see a tenfold market."""
    finer = info_of(*SYMBOLS, tick="0.00100000")
    alone, shared = registry_of(bench, relist=True), registry_of(bench)
    for registry in (alone, shared):
        registry.reload()
    assert alone.reload(finer) == ([], True)
    assert not alone.listed.misfits
    assert shared.reload(finer) == ([], False)
    assert set(shared.listed.misfits) == set(SYMBOLS)


def test_a_shadow_reads_by_the_same_decimals_and_is_published_to_no_reader(bench: Bench) -> None:
    """The standby's books must be the first's, or its takeover would change every price."""
    registry = registry_of(bench)
    registry.reload()
    shadow = registry.listed.make_shadow()
    shadow.disconnect(registry.now)
    assert [track.symbol for track in shadow.tracks] == list(SYMBOLS)
    assert not list(bench.books.rows())
    registry.listed.set_pipeline(shadow)
    assert registry.listed.tracks["ETHUSDT"] is shadow.tracks[1]
