"""The role: what it decided can be done again from STEPS, and real recorded trades make the right bars."""

import random
from collections.abc import Callable
from typing import Any

from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.model.words import BookState, TickKind
from engine.venues.catalogue import dialect_of
from tests.engine.aggregation.hands import BTC, SECOND, System, wide
from tests.engine.aggregation.test_opportunities import MEMBERS, some_book

OUTPUTS = ("global_books", "opportunities", "bars")


def published(system: System) -> dict[str, list[str]]:
    """Everything that was published, as text: nan is not equal to nan."""
    return {lane: [repr(row) for row in system.published(lane)] for lane in OUTPUTS}


def test_a_life_driven_from_its_steps_publishes_the_same(make_system: Callable[..., System]) -> None:
    """Yesterday's opportunities, found again today, to the byte: the cursors and times of STEPS are all there is."""
    draw = random.Random(11)
    live, again = make_system(), make_system()
    script: list[tuple[int, Callable[[System], None]]] = []
    live.step()
    for number in range(400):
        of = draw.choice(MEMBERS).id
        book = some_book(draw, of, draw.choice((1000, 1010)))
        live.now_ns += draw.randrange(SECOND // 3)
        moment = live.now_ns
        live.publish_print(of, 1000 + number, 5, number + 1)
        live.publish_book(of, *book)
        script.append((moment, lambda to, of=of, number=number: to.publish_print(of, 1000 + number, 5, number + 1)))
        script.append((moment, lambda to, of=of, book=book: to.publish_book(of, *book)))
        if draw.random() < 0.6:
            live.step(draw.randrange(1000))
    live.step(2 * SECOND)
    steps = list(live.steps.rows())
    assert len(steps) > 200
    for step in steps:
        while script and again.ticks.cursor < step.cursors[0]:
            again.now_ns, publish = script[0]
            publish(again)
            del script[0]
        again.now_ns = step.now_ns
        again.step()
    assert published(again) == published(live)


def test_recorded_trades_make_the_bars_of_an_offline_resample(
    make_system: Callable[..., System], recorded_usdm: tuple[bytes, list[tuple[int, bytes]]]
) -> None:
    """Six minutes of a real market through the real decoder: every bar to the digit, by the venue's own time."""
    settings = {"bars": ["1s", "1m"], "bar_time": "venue", "bar_grace_ms": 900}
    system = make_system(instruments=(BTC,), settings=settings)
    dialect, outbox = dialect_of("binance-usdm"), Outbox(system.ticks, system.books, system.tops)
    market = dialect.market()
    market.add("BTCUSDT", BTC.price_decimals, BTC.size_decimals)
    pipeline = Pipeline(market, outbox)
    pipeline.add(Track(0, 1, "BTCUSDT", dialect.rule(), outbox))
    snapshot, frames = recorded_usdm
    pipeline.snapshot(0, snapshot, frames[0][0], frames[0][0])
    reader = system.reader("ticks")
    prints: list[Any] = []
    for number, (at_ns, frame) in enumerate(frames):
        system.now_ns = at_ns
        pipeline.process([frame], at_ns, at_ns)
        if number % 20 == 0:
            prints += [row for row in reader.rows() if row.kind == TickKind.PRINT]
            system.step()
    prints += [row for row in reader.rows() if row.kind == TickKind.PRINT]
    system.step()
    system.now_ns = max(system.now_ns, prints[-1].venue_ns)
    system.step(120 * SECOND)
    bars = system.published("bars")
    assert len(prints) > 20_000
    for interval_ns in (SECOND, 60 * SECOND):
        grouped: dict[int, list[Any]] = {}
        for one in prints:
            grouped.setdefault(one.venue_ns // interval_ns * interval_ns, []).append(one)
        expected = {
            start: (some[0].price, max(p.price for p in some), min(p.price for p in some), some[-1].price,
                    sum(p.size for p in some), sum(p.price * p.size for p in some), len(some))
            for start, some in grouped.items()
        }  # fmt: skip
        found = {
            bar.start_ns: (bar.open, bar.high, bar.low, bar.close, wide(bar.volume_high, bar.volume_low),
                           wide(bar.notional_high, bar.notional_low), bar.count)
            for bar in bars if bar.interval_ns == interval_ns and bar.count
        }  # fmt: skip
        assert found == expected
    assert system.top().state == BookState.GOOD or not system.top().included


def test_a_round_without_records_is_no_work(system: System) -> None:
    """An idle role that claims work never sleeps."""
    system.step()
    assert [system.step(10) for _ in range(3)] == [0, 0, 0]
