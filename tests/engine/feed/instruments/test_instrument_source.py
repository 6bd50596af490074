"""The metadata when its venue is away: prompt when it is back, no hammering, and a copy that is the right one."""

import json
from pathlib import Path

import pytest

from engine.feed.instruments.instruments import load_instruments, save_instruments
from tests.engine.feed.feed_fakes import SECOND, Bench


def asked(bench: Bench) -> int:
    """How often exchangeInfo was asked for."""
    return sum("exchangeInfo" in target for target in bench.ports.rest.asked)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_start_after_a_long_outage_is_prompt_and_the_outage_was_not_hammered(seed: int) -> None:
    """Every book waits for the instruments: a minute of backoff after an hour of outage is a minute without orders."""
    bench = Bench(seed=seed)
    bench.ports.rest.status = 503
    for _ in range(3600 * 2):
        bench.step(0.5)
    assert 3600 // 5 <= asked(bench) < 3600 // 2
    bench.ports.rest.status = 200
    began = bench.now
    while not bench.ports.streams:
        bench.step(0.1)
    assert bench.now - began <= 6 * SECOND
    bench.close()


def test_an_old_copy_is_confirmed_as_promptly(tmp_path: Path) -> None:
    """The feed follows it meanwhile, but its numbers may no longer be right."""
    path = f"{tmp_path}/kept.json"
    first = Bench()
    first.connect()
    save_instruments(path, first.feed.instruments, first.now)
    first.close()
    bench = Bench(instruments_path=path)
    bench.ports.rest.status = 503
    for _ in range(1200):
        bench.step(0.5, b'{"result":null,"id":99}') if bench.ports.streams else bench.step(0.5)
    assert bench.feed.instruments_old
    bench.ports.rest.status = 200
    began = bench.now
    while bench.feed.instruments_old:
        bench.step(0.1, b'{"result":null,"id":99}')
    assert bench.now - began <= 6 * SECOND
    bench.close()


def test_a_refresh_that_fails_waits_as_long_as_ever() -> None:
    """Confirmed instruments do not block a role: the feed asks a venue in trouble once a minute."""
    bench = Bench(instruments_ns=SECOND)
    bench.connect()
    bench.ports.rest.status = 503
    for _ in range(1200):
        bench.step(0.5, b'{"result":null,"id":99}')
    before = asked(bench)
    for _ in range(1200):
        bench.step(0.5, b'{"result":null,"id":99}')
    assert asked(bench) - before <= 21
    assert not bench.feed.instruments_old
    bench.close()


def test_the_copy_of_another_product_is_not_used(tmp_path: Path) -> None:
    """The same symbol has other decimals as a perpetual: its prices would be a tenth, or ten times."""
    path = tmp_path / "kept.json"
    first = Bench()
    first.connect()
    save_instruments(str(path), first.feed.instruments, first.now)
    first.close()
    kept = json.loads(path.read_bytes())
    kept["instruments"][0]["venue"] = "binance-usdm"
    path.write_text(json.dumps(kept))
    bench = Bench(instruments_path=str(path))
    bench.ports.rest.status = 503
    for _ in range(20):
        bench.step(0.5)
    assert not bench.feed.instruments
    bench.close()


def test_a_disk_that_refuses_the_copy_does_not_end_the_feed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk costs the next start without the venue, not the market data of this one."""
    path = tmp_path / "gone" / "kept.json"
    bench = Bench(instruments_path=str(path))
    bench.connect()
    assert bench.feed.instruments
    assert "cannot keep a copy of the instruments on disk" in caplog.text
    assert load_instruments(str(path)) is None
    bench.close()
