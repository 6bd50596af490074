"""What the files of a replay hold: another venue's are refused early, and a venue's own instruments are read again."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.cli import main
from engine.feed.capture.check import check
from engine.feed.replay import replay_survey
from engine.feed.replay.replay_survey import check_recording, survey_files
from engine.model.words import BookState, FrameKind, TickKind
from engine.venues.catalogue import dialect_of
from tests.engine.feed.books.test_kraken_feed import frame
from tests.engine.feed.feed_fakes import SECOND, START, diff
from tests.engine.feed.instruments.test_instrument_stream import notice, pair
from tests.engine.feed.replay.test_replay import config_file, session, theatre, with_rest, write

BULLETIN, BOOKS = "/v2#instrument", "/v2"
KRAKEN_SYMBOLS = {"BTC/USD": 7}


def begin(number: int, target: str, at: int = START) -> tuple[int, int, int, bytes]:
    """A connection begins."""
    recorded = {"venue": "kraken", "dialect": "kraken", "target": target}
    return at, number, FrameKind.BEGIN, orjson.dumps(recorded)


def kraken_session(*, channel: bool = True) -> list[Any]:
    """A connection of instruments that is replaced while the books' goes on, and the books'."""
    snapshot = notice(pair("BTC/USD"))
    recorded = [
        begin(1, BULLETIN), (START, 1, FrameKind.RECEIVED, snapshot),
    ] if channel else []  # fmt: skip
    books = [
        begin(2, BOOKS),
        (START + 1, 2, FrameKind.RECEIVED, b'{"method":"subscribe","result":{"channel":"book","depth":10}}'),
        *((START + n * SECOND, 2, FrameKind.RECEIVED, frame("update" if n > 1 else "snapshot", "BTC/USD"))
          for n in range(1, 8)),
    ]  # fmt: skip
    again = [
        (START + 3 * SECOND, 1, FrameKind.CLOSED, b"reset"),
        begin(3, BULLETIN, START + 4 * SECOND),
        (START + 4 * SECOND, 3, FrameKind.RECEIVED, notice(pair("BTC/USD", status="cancel_only"))),
    ] if channel else []  # fmt: skip
    return sorted(recorded + books + again, key=lambda entry: entry[0])


def test_a_recorded_channel_of_instruments_is_read_again_and_removes_no_book(tmp_path: Path) -> None:
    """Connections must be distinguished: a feed with the wrong one for its books has no books or no decimals."""
    path = write(tmp_path / "a.sycap", *kraken_session())
    with theatre(tmp_path) as made:
        stage = made.stage([path], "kraken", "kraken", KRAKEN_SYMBOLS)
        shown = []
        stage.feed._listed._publish = lambda one, *_: shown.append(one)
        ticks = made.play(stage)
    states = [int(row["detail"]) for row in ticks if row["kind"] == TickKind.STATE]
    assert BookState.GOOD in states
    assert (stage.feed.connections.reconnects, stage.feed.malformed) == (1, 0)  # the end
    assert (shown[0].base, shown[0].size_min, shown[0].trading) == ("BTC", 5000, True)
    assert not shown[-1].trading


def test_a_recording_without_the_channel_is_read_by_its_numbers(tmp_path: Path) -> None:
    """Waiting for a channel that was not recorded would let the first ten seconds go by."""
    path = write(tmp_path / "a.sycap", *kraken_session(channel=False))
    with theatre(tmp_path) as made:
        stage = made.stage([path], "kraken", "kraken", KRAKEN_SYMBOLS)
        ticks = made.play(stage)
    bests = ticks[ticks["kind"] == TickKind.BEST]
    assert int(bests[0]["receive_ns"]) == START + SECOND


def test_a_check_of_such_a_recording_follows_its_books(tmp_path: Path) -> None:
    """The first connection is not the books': taking it for theirs would pass all of them over as a standby's."""
    path = write(tmp_path / "a.sycap", *kraken_session())
    [report] = check([path], dialect_of("kraken"))
    assert (report["state"], report["snapshots"], report["checksum_ok"]) == ("good", 1, 7)
    assert report["best_bid"] == "10.0"
    assert report["best_bid_size"] == "1.00000000"


def test_a_long_recording_is_read_once_before_it_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day of frames needs a minute of reading: two passes are a start that looks dead."""
    entries = session()
    del entries[2]  # no answer, so decimals come from the numbers, to the end
    path = write(tmp_path / "a.sycap", *entries)
    passes: list[list[Path]] = []
    real = replay_survey.pieces_of

    def counted(files: list[Path], *rest: str) -> Any:
        passes.append(files)
        return real(files, *rest)

    monkeypatch.setattr(replay_survey, "pieces_of", counted)
    with theatre(tmp_path) as made:
        made.stage([path], "main", "binance", {"BTCUSDT": 7}).ports.requests().close()
    assert passes == [[path]]


def test_the_survey_goes_on_to_the_end_without_a_message_of_instruments(tmp_path: Path) -> None:
    """The widest number may be the last one."""
    entries = [*session(), (START + 20 * SECOND, 1, FrameKind.RECEIVED, diff(111, 111, [["100.0001", "1"]]))]
    path = write(tmp_path / "a.sycap", *with_rest(entries))
    dialect = dialect_of("binance")
    found = survey_files([path], "", "main", dialect, dialect.instruments_target(["BTCUSDT"]))
    assert (found.answered, found.announced) == (False, False)
    assert found.survey.decimals("BTCUSDT")[0] == 4


@pytest.mark.parametrize(("venue", "symbols", "text"), [
    ("kraken", {"BTC/USD": 1}, "found none that this venue writes"),
    ("binance", {"ETHUSDT": 1}, "expected frames of ETHUSDT at binance, found BTCUSDT"),
])  # fmt: skip
def test_files_of_another_venue_or_symbol_are_refused_by_name(
    tmp_path: Path, venue: str, symbols: dict[str, int], text: str
) -> None:
    """A replay of nothing looks like a quiet day."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join(entry[3] for entry in session() if entry[2] == FrameKind.RECEIVED))
    with pytest.raises(ValueError, match=text):
        check_recording([path], "", venue, dialect_of(venue), symbols)


def test_a_symbol_that_speaks_late_is_waited_for(tmp_path: Path) -> None:
    """A quiet symbol among busy ones is no reason to refuse a recording."""
    frames = [diff(n, n, [["1.0", "1"]], symbol="ETHUSDT") for n in range(replay_survey.PIECES_AHEAD + 10)]
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join([*frames, diff(1, 1, [["1.0", "1"]])]))
    check_recording([path], "", "binance", dialect_of("binance"), {"BTCUSDT": 7})


def test_check_and_up_refuse_files_of_another_venue_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by the feed alone, it is a process that dies and dies."""
    path = write(tmp_path / "a.sycap", *kraken_session())
    for command in ("check", "up"):
        assert main([command, config_file(tmp_path, "replay", "replay")]) == 2
        assert f"{path}: expected frames of BTCUSDT at binance" in capsys.readouterr().err
