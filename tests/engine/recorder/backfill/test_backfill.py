"""A backfill: each trade and candle of the venue once, compared with live capture, and no limit of a venue reached."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import main
from engine.recorder.backfill import Day, Fetcher, FetchError, Job, Order, job, ledger, writer
from engine.recorder.locks import PARTS, STORE
from engine.recorder.store.check import problems
from engine.recorder.store.columns import day_text
from engine.recorder.store.disk import Disk
from engine.recorder.store.prune import EVERY, prune_store
from engine.recorder.store.run import run
from engine.venues.binance.history import BinanceHistory
from engine.venues.coinbase_exchange.history import CoinbaseHistory
from engine.venues.history import VenueHistory
from engine.venues.kraken.history import KrakenHistory
from research import history
from tests.engine.recorder.backfill.rest import (
    BEGIN_NS,
    DAY,
    DAY_NS,
    MINUTE_NS,
    MS,
    SECOND_NS,
    Answer,
    Binance,
    Coinbase,
    Kraken,
    Rest,
    made_trades,
    served,
)
from tests.engine.recorder.conftest import BTC, Market, Recorders, kill
from tests.engine.recorder.test_store import Dying, Killed, Unflushed

MADE = made_trades(3_500)
COARSE = [one._replace(size=f"0.{number % 9 + 1:03d}") for number, one in enumerate(MADE)]  # in steps of 0.001
LATER_NS = BEGIN_NS + 3 * DAY_NS
VENUES: dict[str, tuple[Callable[[], VenueHistory], Callable[[], Rest], str]] = {
    "binance": (lambda: BinanceHistory("binance"), lambda: Binance(MADE), "BTCUSDT"),
    "binance-usdm": (lambda: BinanceHistory("binance-usdm"), lambda: Binance(MADE, "/fapi/v1", 500), "BTCUSDT"),
    "kraken": (KrakenHistory, lambda: Kraken(MADE), "BTC/USD"),
    "coinbase": (CoinbaseHistory, lambda: Coinbase(MADE), "BTC-USD"),
}


INFO = {"binance": "/api/v3/exchangeInfo", "binance-usdm": "/fapi/v1/exchangeInfo", "kraken": "", "coinbase": ""}


class Clock:
    """A time that passes only when somebody sleeps; the venue has the same."""

    def __init__(self, rest: Rest) -> None:
        """Begin after the range."""
        self.now_ns, self._rest, self.slept = LATER_NS, rest, list[int]()
        rest.now_ns = LATER_NS

    def sleep(self, ns: int) -> None:
        """Let time pass."""
        self.slept.append(ns)
        self.now_ns += ns
        self._rest.now_ns = self.now_ns


def fill(
    directory: Path, venue: str, rest: Rest, *, kind: str = "trades", again: bool = False, days: int = 1,
    now_ns: int = LATER_NS, calls: int = 1 << 30,
) -> list[Day]:  # fmt: skip
    """Backfill days from `DAY` on; the process dies before the request number `calls`."""
    make, _, symbol = VENUES[venue]
    its, clock = make(), Clock(rest)
    with served(rest) as url:
        fetcher = Fetcher(its, url, "name", sleep=clock.sleep, clock=lambda: clock.now_ns)

        def fetch(target: str, weight: int) -> bytes:
            if fetcher.requests >= calls:
                raise KeyboardInterrupt
            return fetcher(target, weight)

        order = Order(venue, symbol, 7, kind, 60, DAY, DAY + days, again)
        try:
            return Job(directory, its, fetch, order, now_ns).run(lambda _: None)
        finally:
            fetcher.close()


def stored(directory: Path, kind: str = "ticks", **more: object) -> dict[str, list[int]]:
    """The columns of the history, exact."""
    return {name: of.tolist() for name, of in history(kind, directory=directory, floats=False, **more).numpy().items()}


@pytest.mark.parametrize("venue", VENUES)
def test_every_trade_of_a_day_is_in_the_history_once(tmp_path: Path, venue: str) -> None:
    """A page that begins one trade too late is a hole that no number of the engine shows."""
    rest = VENUES[venue][1]()
    (day,) = fill(tmp_path, venue, rest)
    found = stored(tmp_path)
    assert (day.written, day.equal, day.different, day.complete) == (len(MADE), 0, 0, True)
    assert found["detail"] == [one.trade_id for one in MADE]
    assert found["price"] == [round(float(one.price) * 100) for one in MADE]
    assert found["size"] == [round(float(one.size) * 100_000) for one in MADE]
    assert found["side"] == [one.side for one in MADE]
    assert found["publish_ns"] == found["venue_ns"] == [one.venue_ns for one in MADE]
    assert (set(found["instrument"]), set(found["kind"])) == ({7}, {3})
    assert history("ticks", directory=tmp_path).files[0].venue == venue
    assert list(problems(tmp_path / PARTS, tmp_path / STORE)) == []


@pytest.mark.parametrize("venue", VENUES)
def test_a_second_backfill_doubles_nothing_and_compares_everything(tmp_path: Path, venue: str) -> None:
    """An operator who is not sure whether it ran runs it again."""
    rest = VENUES[venue][1]()
    fill(tmp_path, venue, rest)
    asked = len(rest.targets)
    (kept,) = fill(tmp_path, venue, rest)
    assert (kept.written, len(rest.targets) - asked) == (len(MADE), 1), "the metadata alone"
    (again,) = fill(tmp_path, venue, rest, again=True)
    assert (again.written, again.equal, again.different) == (0, len(MADE), 0)
    assert again.venue_crc == again.stored_crc != 0
    assert len(stored(tmp_path)["detail"]) == len(MADE)


@pytest.mark.parametrize("venue", VENUES)
def test_a_death_at_every_request_neither_loses_nor_doubles_a_trade(
    tmp_path: Path, venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backfill of a year runs for days: it is ended, and the same command continues."""
    monkeypatch.setattr(job, "FLUSH_ROWS", 900)
    rest = VENUES[venue][1]()
    for calls in range(1, 60):
        try:
            fill(tmp_path, venue, rest, calls=calls)
        except KeyboardInterrupt:
            continue
        break
    assert calls > 3
    assert sorted(stored(tmp_path)["detail"]) == [one.trade_id for one in MADE]
    assert list(problems(tmp_path / PARTS, tmp_path / STORE)) == []


def test_a_death_at_every_effect_on_the_disk_neither_loses_nor_doubles_a_trade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that was written and not sealed, rows that were sealed and not noted: the next run finds both."""
    few, rest, its = MADE[:40], Kraken(MADE[:40]), KrakenHistory()

    def life(place: Path, disk: Disk) -> None:
        monkeypatch.setattr(writer, "Disk", lambda: disk)
        monkeypatch.setattr(ledger, "Disk", lambda: disk)
        monkeypatch.setattr(job, "seal_and_compact", lambda *_: None)
        order = Order("kraken", "BTC/USD", 7, "trades", 0, DAY, DAY + 1)
        Job(place, its, lambda target, _: json.dumps(rest.answer(target).body).encode(), order, LATER_NS).run(
            lambda _: None
        )

    for effects in range(100):
        place = tmp_path / str(effects)
        try:
            life(place, Dying(effects))
        except Killed:
            life(place, Unflushed())
        else:
            break
        assert sorted(stored(place)["detail"]) == [one.trade_id for one in few]
        assert list(problems(place / PARTS, place / STORE)) == []
    assert effects > 5


def test_a_death_between_the_rows_and_the_ledger_doubles_nothing(tmp_path: Path) -> None:
    """The ledger is written after the rows, so a killed run finds rows that it does not know of."""
    fill(tmp_path, "kraken", Kraken(MADE))
    (tmp_path / "backfill.json").unlink()
    (day,) = fill(tmp_path, "kraken", Kraken(MADE))
    assert (day.written, day.equal) == (0, len(MADE))


@pytest.mark.filterwarnings("ignore:ticks. removed by retention")
def test_a_day_that_retention_removed_is_requested_again(tmp_path: Path) -> None:
    """The ledger has it as complete: a run that requests nothing would report rows that are not there."""
    rest = Binance(MADE)
    fill(tmp_path, "binance", rest)
    prune_store(tmp_path, {EVERY: day_text(DAY + 1)}, Disk())
    (day,) = fill(tmp_path, "binance", rest)
    assert (day.written, day.complete) == (len(MADE), True)
    assert stored(tmp_path)["detail"] == [one.trade_id for one in MADE]
    assert list(problems(tmp_path / PARTS, tmp_path / STORE)) == []


def live(market: Market, recorder: Recorders, *, from_trade: int, wrong: int = -1) -> None:
    """Record some of the day's trades as a feed publishes them; the price of one is another."""
    market.list(BTC)
    life = recorder(lanes=("ticks",))
    for number, one in enumerate(COARSE[from_trade : from_trade + 1_000]):
        row = market.tick()
        row["price"] = round(float(one.price) * 100) + (number == wrong)
        row["size"], row["side"], row["kind"] = round(float(one.size) * 1_000), one.side, 3
        row["detail"], row["venue_ns"], row["instrument"] = one.trade_id, one.venue_ns, 1
        row["publish_ns"] = one.venue_ns + 5 * MS
        market.ticks.publish_bytes(row.tobytes())
    life.drain(LATER_NS)
    kill(life)


def test_what_was_recorded_live_is_compared_and_not_written_again(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """A backfill around a capture fills the hours that are missing: sealed or not, a trade is in the history once."""
    live(market, recorder, from_trade=1_000)
    (day,) = fill(tmp_path, "binance", Binance(COARSE))
    assert (day.written, day.equal, day.different) == (len(MADE) - 1_000, 1_000, 0)
    assert day.venue_crc == day.stored_crc != 0
    run(tmp_path, LATER_NS, every=True)
    found = stored(tmp_path)
    assert sorted(found["detail"]) == [one.trade_id for one in MADE]
    assert found["lane"].count("ticks.feed") == 1_000


def test_a_difference_from_live_capture_is_named(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """Either the venue corrected a trade or the engine read it wrongly: a test on such data costs money."""
    live(market, recorder, from_trade=0, wrong=20)
    rest = Binance([one for one in COARSE if one.trade_id != 1_030])
    (day,) = fill(tmp_path, "binance", rest)
    assert day.different == 2
    assert day.differences == [
        "trade 1020: price 60006.21 stored, 60006.20 at the venue",
        "trade 1030: stored, and the venue does not list it",
    ]
    assert day.venue_crc != day.stored_crc
    (kept,) = fill(tmp_path, "binance", rest)
    assert kept.different == 2, "a later run does not hide it"


def test_numbers_of_a_finer_step_in_the_past_keep_their_digits(tmp_path: Path) -> None:
    """A venue makes its steps coarser over the years; a rounded size is a wrong volume."""
    old = [one._replace(size=f"{one.size}7") for one in MADE[:200]] + MADE[200:]
    fill(tmp_path, "kraken", Kraken(old))
    sizes = history("ticks", directory=tmp_path, columns=["size", "detail"]).pandas()["size"].tolist()
    assert sizes == [float(one.size) for one in old]


@pytest.mark.parametrize("venue", ["binance", "binance-usdm", "coinbase"])
def test_candles_are_bars_of_their_interval_known_at_its_end(tmp_path: Path, venue: str) -> None:
    """A bar that is published at its begin is the future."""
    rest = VENUES[venue][1]()
    (day,) = fill(tmp_path, venue, rest, kind="candles")
    expected = rest.candles(MINUTE_NS)
    found = stored(tmp_path, "bars")
    assert day.written == len(expected) > 300
    assert found["start_ns"] == [at for at, _ in expected]
    assert found["publish_ns"] == [at + MINUTE_NS for at, _ in expected]
    assert found["close"] == [round(float(of[-1].price) * 100) for _, of in expected]
    assert found["high"] == [max(round(float(one.price) * 100) for one in of) for _, of in expected]
    assert found["volume_low"] == [round(sum(float(one.size) for one in of) * 100_000) for _, of in expected]
    assert set(found["interval_ns"]) == {MINUTE_NS}
    (again,) = fill(tmp_path, venue, rest, kind="candles", again=True)
    assert (again.written, again.equal, again.different) == (0, len(expected), 0)


def test_kraken_gives_its_newest_candles_and_older_ones_are_refused(tmp_path: Path) -> None:
    """A day of which the venue has only the end must not look like a short day."""
    late = [one._replace(venue_ns=one.venue_ns // 40 + BEGIN_NS - BEGIN_NS // 40) for one in MADE]
    (day,) = fill(tmp_path, "kraken", Kraken(late), kind="candles")
    assert day.written == len(Kraken(late).candles(MINUTE_NS)) < 720
    with pytest.raises(ValueError, match="the venue gives the newest 720 candles, the first from"):
        fill(tmp_path / "b", "kraken", Kraken(MADE), kind="candles")


def test_the_venue_never_has_to_refuse_for_its_weight(tmp_path: Path) -> None:
    """A ban of the address stops the feed and execution too: a backfill uses a quarter of the weight."""
    rest = Binance(MADE, limit=400)
    (day,) = fill(tmp_path, "binance", rest)
    assert (rest.refused, day.written) == (0, len(MADE))
    assert max(rest.minutes.values()) <= 100
    assert len(rest.minutes) > 1


@pytest.mark.parametrize("status", [429, 418])
def test_a_demand_to_wait_is_obeyed(status: int) -> None:
    """A request within that time makes a longer ban."""
    rest = Binance(MADE)
    rest.planned = [Answer(status, {"code": -1003}, {"Retry-After": "77"})]
    clock = Clock(rest)
    with served(rest) as url:
        fetcher = Fetcher(BinanceHistory("binance"), url, sleep=clock.sleep, clock=lambda: clock.now_ns)
        fetcher("/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D", 20)
        fetcher.close()
    assert clock.slept == [77 * SECOND_NS]
    assert len(rest.targets) == 2


def test_a_server_that_fails_is_asked_again_and_a_refusal_is_not() -> None:
    """A wrong symbol stays wrong; a gateway that is down comes back."""
    rest = Binance(MADE)
    rest.planned = [
        Answer(502, "bad gateway"),
        Answer(503, ""),
        Answer(200, [1]),
        Answer(400, {"msg": "Invalid symbol."}),
    ]
    clock = Clock(rest)
    with served(rest) as url:
        fetcher = Fetcher(BinanceHistory("binance"), url, sleep=clock.sleep, clock=lambda: clock.now_ns)
        assert json.loads(fetcher("/a", 1)) == [1]
        with pytest.raises(FetchError, match=r"/b: status 400: .*Invalid symbol"):
            fetcher("/b", 1)
        fetcher.close()
    assert len(rest.targets) == 4


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("body", [{"a": 1}, [[1]], [{"id": "x"}], "<html>", None, [{"f": "many", "trade_id": 5}]])
def test_rubbish_is_one_error_that_names_the_symbol(tmp_path: Path, venue: str, body: object) -> None:
    """A proxy's page, or an API that changed: a stack of Python names neither."""
    rest = VENUES[venue][1]()
    metadata = rest.answer({"kraken": "/0/public/AssetPairs", "coinbase": "/products"}.get(venue, INFO[venue]))
    its = VENUES[venue][0]()
    for answers in ([body], [metadata.body, body]):
        left = [json.dumps(one).encode() for one in answers]
        order = Order(venue, VENUES[venue][2], 7, "trades", 0, DAY, DAY + 1)
        with pytest.raises(ValueError, match=r"an answer of the venue cannot be read|does not list it"):
            Job(tmp_path, its, lambda *_, left=left: left.pop(0), order, LATER_NS).run(lambda _: None)


def test_a_day_that_is_not_over_is_continued_later(tmp_path: Path) -> None:
    """The newest minute may not be recorded yet, so it is left for the next run."""
    noon = BEGIN_NS + DAY_NS // 2
    (day,) = fill(tmp_path, "coinbase", Coinbase(MADE), now_ns=noon)
    assert not day.complete
    assert max(stored(tmp_path)["publish_ns"]) < noon - 60 * SECOND_NS
    (day,) = fill(tmp_path, "coinbase", Coinbase(MADE))
    assert (day.complete, day.written) == (True, len(MADE))


def command(tmp_path: Path, url: str, *more: str) -> list[str]:
    """The command line."""
    words = ["data", "backfill", "--directory", str(tmp_path), "--venue", "binance", "--symbol", "BTCUSDT", "--json"]
    return [*words, "--from", "2024-10-04", "--to", "2024-10-05", "--kind", "trades", "--url", url, *more]


def test_the_command_prints_a_day_and_a_difference_makes_its_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that fills the store every night must see that a day differs."""
    rest = Binance(MADE)
    with served(rest) as url:
        assert main(command(tmp_path, url)) == 0
        tree = json.loads(capsys.readouterr().out)["data"]
        assert (tree["written"], tree["complete"]) == (len(MADE), True)
        rest.trades[5] = rest.trades[5]._replace(price="1.00")
        assert main(command(tmp_path, url, "--again")) == 1
        assert "1.00 at the venue" in json.loads(capsys.readouterr().out)["data"]["differences"][0]
    assert main(["data", "check", "--directory", str(tmp_path)]) == 1
    assert "1 rows differ from the venue's: trade 1005" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (("--venue", "okx"), "--venue okx: expected one of binance, binance-sbe, binance-usdm"),
        (("--venue", "binance-usdm"), "the venue demands the name of a key: set api_key"),
        (("--from", "yesterday"), "--from yesterday: expected a day as 2026-11-30"),
        (("--to", "2024-10-04"), "expected --to after --from"),
        (("--kind", "candles", "--interval", "7m"), "--interval 7m: expected one of 1m, 5m"),
    ],
)
def test_wrong_words_are_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, str], text: str
) -> None:
    """A misspelt venue must not look like a quiet market."""
    assert main(command(tmp_path, "http://127.0.0.1:1", *more)) == 2
    assert text in capsys.readouterr().out


def test_a_key_is_sent_by_its_name_alone(tmp_path: Path) -> None:
    """The past of futures is for holders of a key, and needs no secret."""
    rest = VENUES["binance-usdm"][1]()
    fill(tmp_path, "binance-usdm", rest)
    assert {one.get("X-MBX-APIKEY") for one in rest.headers} == {"name"}
