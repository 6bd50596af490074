"""Recorded traffic through `capture check`: every known truth of it is found again."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest
import zstandard

from engine.feed.capture import main
from tests.engine.answers import rows_of
from tests.engine.feed.books.test_order_track import Exchange, cents

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recorded traffic in {CAPTURES}")
KRAKEN = "kraken/kraken_minagbp_d25_20260816.ndjson"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, dict[str, object]]]:
    """The exit code, and the reports by symbol."""
    code = main(["check", *map(str, arguments), "--json"])
    reports = rows_of(capsys.readouterr().out) if code < 2 else []
    return code, {str(report["symbol"]): report for report in reports}


@needs_captures
@pytest.mark.parametrize(
    ("venue", "names", "truths"),
    [
        ("binance", ["spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"],
         {"frames": 99574, "applied": 6493, "gaps": 0, "bbo_checked": 1072, "bbo_equal": 1072, "best_checked": 6493, "best_equal": 6491, "print_gaps": 0}),  # noqa: E501
        ("binance-usdm", ["usdm_btcusdt_20220811.dat.zst"], {"frames": 1533, "gaps": 0, "bbo_checked": 0, "print_gaps": 0}),  # noqa: E501
        pytest.param(
            "binance-coinm",
            ["cm_btcusd_perp_20240808.gz"],
            {"frames": 48270, "diffs": 26847, "gaps": 0, "print_gaps": 0},
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "binance-usdm", ["usdm_btcusdt_20240808.gz"],
            {"frames": 93954, "diffs": 6551, "gaps": 0, "best_checked": 6546, "best_equal": 6546, "print_gaps": 0},
            marks=pytest.mark.soak,
        ),
    ],
)  # fmt: skip
def test_binance_truths(
    capsys: pytest.CaptureFixture[str], venue: str, names: list[str], truths: dict[str, int]
) -> None:
    """Gap-free chains, and a book that equals the venue's own best bid and ask."""
    code, reports = run(capsys, *(CAPTURES / "binance" / name for name in names), "--venue", venue)
    [report] = reports.values()
    assert code == 0
    assert {name: report[name] for name in truths} == truths
    assert report["bbo_equal"] == report["bbo_checked"]
    assert report["malformed"] == report["suspect"] == 0


@needs_captures
@pytest.mark.parametrize(
    ("name", "venue", "frames", "best"),
    [("BINANCE", "binance", 265, 159), ("BINANCE_FUTURES", "binance-usdm", 1535, 731)],
)
def test_several_symbols_with_metadata(
    capsys: pytest.CaptureFixture[str], name: str, venue: str, frames: int, best: int
) -> None:
    """Exact-boundary bridges, REST answers that come late, prices finer than the step of the day."""
    code, reports = run(capsys, CAPTURES / f"binance/cryptofeed_{name}.jsonl.zst", "--venue", venue)
    assert (code, len(reports)) == (0, 4)
    for report in reports.values():
        assert (report["frames"], report["gaps"], report["snapshots"], report["malformed"]) == (frames, 0, 1, 0)
        assert report["best_checked"] == report["best_equal"]
    assert sum(int(str(report["best_checked"])) for report in reports.values()) == best


@needs_captures
def test_one_symbol_of_several(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the one named is reported, and it comes out the same."""
    path = CAPTURES / "binance/cryptofeed_BINANCE.jsonl.zst"
    _, every = run(capsys, path, "--venue", "binance")
    _, one = run(capsys, path, "--venue", "binance", "--symbol", "LRCBTC", "--format", "cf2")
    assert one == {"LRCBTC": every["LRCBTC"]}


@needs_captures
@pytest.mark.parametrize(("name", "truths"), [
    (KRAKEN, {"frames": 93, "checksum_checked": 30, "checksum_ok": 30, "bids": 25, "asks": 25, "suspect": 0}),
    ("kraken/pysdk_ws_v2_book10_BTCUSD_20230730_first256.json.zst", {"frames": 256, "checksum_checked": 256, "checksum_ok": 256, "bids": 10, "price_decimals": 1, "size_decimals": 8}),  # noqa: E501
    ("kraken/DERIVED_pysdk_v2_wireform_first256.ndjson.zst", {"frames": 256, "checksum_checked": 256, "checksum_ok": 256, "bids": 10}),  # noqa: E501
])  # fmt: skip
def test_kraken_truths(capsys: pytest.CaptureFixture[str], name: str, truths: dict[str, int]) -> None:
    """Every checksum holds, with truncation to the depth of the subscription."""
    code, reports = run(capsys, CAPTURES / name, "--venue", "kraken")
    [report] = reports.values()
    assert (code, {key: report[key] for key in truths}) == (0, truths)


@needs_captures
def test_coinbase_truths(capsys: pytest.CaptureFixture[str]) -> None:
    """A numbering without a hole over all channels, books never crossed, trade ids contiguous."""
    path = CAPTURES / "coinbase/cryptofeed_COINBASE_advanced_20260809_first11s.jsonl.zst"
    code, reports = run(capsys, path, "--venue", "coinbase")
    assert code == 0
    assert set(reports) == {"BTC-USD", "ETH-USD"}
    for report in reports.values():
        assert (report["frames"], report["gaps"], report["crossings"], report["print_gaps"], report["malformed"]) == (
            488,
            0,
            0,
            0,
            0,
        )


@needs_captures
def test_coinbase_exchange_truths(capsys: pytest.CaptureFixture[str]) -> None:
    """Levels without numbers: never crossed, no trade missing, and at 100 of 107 trades the ticker's best."""
    path = CAPTURES / "coinbase/cryptofeed_COINBASEPRO_level2_20210417.old.zst"
    code, reports = run(capsys, path, "--venue", "coinbase-exchange")
    assert (code, len(reports)) == (0, 10)
    names = (
        "diffs",
        "applied",
        "best_checked",
        "best_equal",
        "prints",
        "print_gaps",
        "crossings",
        "suspect",
        "malformed",
    )
    sums = {name: sum(int(str(report[name])) for report in reports.values()) for name in names}
    assert tuple(sums.values()) == (9719, 9719, 107, 100, 107, 0, 0, 0, 0)
    assert {report["snapshots"] for report in reports.values()} == {1}


@needs_captures
def test_a_recorded_book_of_coinbase_exchange_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Fifty thousand levels far beyond any window, as text to the last digit."""
    path = CAPTURES / "coinbase/coinbase_exchange_BTC-USD_L2_20260807.json.gz"
    code, reports = run(capsys, path, "--venue", "coinbase-exchange")
    report = reports["BTC-USD"]
    assert (code, report["bids"], report["asks"], report["crossings"]) == (0, 18376, 27017, 0)
    assert (report["best_bid"], report["best_bid_size"]) == ("64930.57", "0.07705309")
    assert (report["best_ask"], report["best_ask_size"]) == ("64934.09", "0.07704426")


@needs_captures
def test_a_level_lost_on_the_way_is_found_and_the_exit_shows_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One update left out: the checksum fails, the book is suspect, nothing after it is believed."""
    lines = (CAPTURES / KRAKEN).read_text().splitlines()
    books = [number for number, line in enumerate(lines) if '"type":"update","data":[{"symbol"' in line]
    spoilt = tmp_path / "spoilt.ndjson"
    spoilt.write_text("\n".join(line for number, line in enumerate(lines) if number != books[0]))
    code, reports = run(capsys, spoilt, "--venue", "kraken")
    assert code == 1
    assert reports["MINA/GBP"]["state"] == "suspect"
    assert reports["MINA/GBP"]["suspect"] == 1


def test_a_file_that_is_not_there_is_an_error_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, not a trace."""
    assert main(["check", "/nowhere/at.all", "--venue", "binance"]) == 2
    assert "/nowhere/at.all" in capsys.readouterr().err


def test_a_pipe_is_refused_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A recording is read more than once: of a pipe nothing is left for the second time, or it waits for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["check", str(pipe), "--venue", "binance"]) == 2
    assert "expected a file" in capsys.readouterr().err


LEVELS = {"bids": [{"price": 5.0, "qty": 0.00000001}], "asks": [{"price": 5.5, "qty": 20}]}
DIGITS = b"55" + b"2000000000" + b"50" + b"1"  # asks, then bids: what Kraken's checksum is over, at 1 and 8 decimals
DOCUMENT = {
    "init": {"channel": "book", "type": "snapshot", "data": [{"symbol": "A/B", **LEVELS, "checksum": crc32(DIGITS)}]},
    "updates": [{"channel": "heartbeat"}],
}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_of_floats_is_read_as_what_the_venue_wrote(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, indent: int | None
) -> None:
    """`1e-08` for 0.00000001 and `5.0` for 5 are the writer's; the number is the venue's, on one line or on many."""
    path = tmp_path / "document.json"
    path.write_text(json.dumps(DOCUMENT, indent=indent))
    assert "e-08" in path.read_text()
    code, reports = run(capsys, path, "--venue", "kraken")
    assert (code, reports["A/B"]["frames"], reports["A/B"]["checksum_ok"]) == (0, 2, 1)
    assert (reports["A/B"]["best_bid_size"], reports["A/B"]["best_ask"]) == ("0.00000001", "5.5")


def test_decimals_that_no_number_shows_can_be_given(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where every trailing zero is gone the widest number is too short, and a sound book would be called wrong."""
    bids = [{"price": 5.0, "qty": 0.5}]
    entry = {"symbol": "A/B", "bids": bids, "asks": [], "checksum": crc32(b"50" + b"50000000")}
    path = tmp_path / "short.json"
    path.write_text(json.dumps({"init": {**DOCUMENT["init"], "data": [entry]}, "updates": []}))
    assert main(["check", str(path), "--venue", "kraken", "--json"]) == 1
    assert "no checksum holds at 1,1 decimals" in capsys.readouterr().err
    code, reports = run(capsys, path, "--venue", "kraken", "--decimals", "1,8")
    assert (code, reports["A/B"]["checksum_ok"], reports["A/B"]["best_bid_size"]) == (0, 1, "0.50000000")


@pytest.mark.parametrize("text", ["1", "1,19", "-1,8", "1,8,2", "a,b", ""])
def test_decimals_that_are_none_are_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A wrong option is wrong use, not a book that is found wrong."""
    assert main(["check", "file", "--venue", "kraken", f"--decimals={text}"]) == 2
    assert "each 0 to 18" in capsys.readouterr().err


SNAPSHOT = b'{"lastUpdateId":5,"bids":[["1.10","2"]],"asks":[["1.20","2"]]}'
DIFF = b'{"e":"depthUpdate","E":1700000000000,"s":"AB","U":6,"u":6,"b":[["1.15","3.5"]],"a":[]}'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.gz", gzip.compress(DIFF * 1000)[:-20]),
        ("cut.zst", zstandard.compress(DIFF * 1000)[:-5]),
        ("no.gz", b"\xd8\x72 no gz"),
        ("no.zst", b"\xd8\x72 no zst"),
        ("no_stamp", b'{"t":"recv"}\n'),
        ("no_time", b"1 {}\nx {}\n"),
        ("no_json", b'{"t":"header"}\n{"t":'),
        ("no_frames", b'{"rx_ns":1,"frame":{}}\n{"rx_ns":x,"frame":{}}\n'),
        ("no_updates", b'{"init":{}}'),
        ("no_document", b'{"init":{},"updates":[{}'),
        ("no_list", b'{"init":{},"updates":7}'),
        ("no_clock", b'{"rx_ns":null,"frame":' + DIFF + b"}\n"),
        ("no_such_time", b"99999999999999999999 " + DIFF + b"\n"),
        ("empty", b""),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: bytes
) -> None:
    """Exit 2 and never a trace: 1 would mean a wrong book, and a cut-off file that is read up to its cut looks good."""
    path = tmp_path / name
    path.write_bytes(content)
    assert main(["check", str(path), "--venue", "binance"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("capture check: ")
    assert name in error or not content
    assert len(error.splitlines()) == 1
    assert len(error) < 500


def test_a_recording_of_another_venue_has_no_books(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Requested books belong to venues that are asked for them: an empty book with exit 0 would pass for a check."""
    path = tmp_path / "other.ndjson"
    path.write_bytes(SNAPSHOT + b"\n" + DIFF)
    assert run(capsys, path, "--venue", "kraken") == (2, {})


def test_frames_packed_one_after_the_other_are_all_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A recorder that starts again appends a frame; the bytes after the first frame are part of the recording."""
    path = tmp_path / "appended.zst"
    path.write_bytes(zstandard.compress(SNAPSHOT + b"\n") + zstandard.compress(DIFF + b"\n"))
    code, reports = run(capsys, path, "--venue", "binance")
    assert (code, reports["AB"]["applied"], reports["AB"]["best_bid"]) == (0, 1, "1.15")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_is_known_by_its_bytes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """A rotated recording is called `day.gz.1` or `day.dat`; read as text it would have no symbol at all."""
    path = tmp_path / "day.1"
    path.write_bytes(pack(SNAPSHOT + b"\n" + DIFF))
    code, reports = run(capsys, path, "--venue", "binance")
    assert (code, reports["AB"]["applied"]) == (0, 1)


def test_empty_lines_before_the_first_do_not_hide_the_format(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two recordings joined by hand begin with one; every line of the file would be malformed."""
    path = tmp_path / "joined"
    path.write_bytes(b"\n1700000000000000000 " + SNAPSHOT + b"\n1700000000000000001 " + DIFF)
    code, reports = run(capsys, path, "--venue", "binance")
    assert (code, reports["AB"]["malformed"], reports["AB"]["applied"]) == (0, 0, 1)


def test_a_symbol_that_the_recording_has_not_differs_from_those_it_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`btcusdt` for `BTCUSDT` must not read as if the file were of another venue."""
    path = tmp_path / "one.ndjson"
    path.write_bytes(SNAPSHOT + b"\n" + DIFF)
    assert main(["check", str(path), "--venue", "binance", "--symbol", "ab"]) == 2
    assert "'ab': expected one that the recording has, which are AB" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spoilt",
    [
        b'{"lastUpdateId":"x"}',
        b'{"lastUpdateId":',
        b'{"lastUpdateId":7,"bids":5,"asks":[]}',
        DIFF.replace(b'"3.5"', b'"0.' + b"0" * 30 + b'"'),
        DIFF.replace(b'"3.5"', b'"' + b"9" * 30 + b'"'),
        DIFF.replace(b'"3.5"', b'["0.1234567890123"]'),
        DIFF.replace(b'"AB"', b'"' + b"A" * 40 + b'"'),
        DIFF.replace(b'"AB"', b"7"),
        DIFF.replace(b'"AB"', b"[7]"),
        b'{"e":["depthUpdate"],"s":"AB"}',
        b"[" * 100,
        b"[" * 200_000,
    ],
)
def test_a_spoilt_frame_spoils_no_other(capsys: pytest.CaptureFixture[str], tmp_path: Path, spoilt: bytes) -> None:
    """It is counted if it is malformed; the decimals, the symbols and the book come from the others."""
    path = tmp_path / "spoilt.ndjson"
    path.write_bytes(b"\n".join([SNAPSHOT, DIFF, spoilt]))
    code, reports = run(capsys, path, "--venue", "binance", "--format", "ndjson")
    assert code == (1 if reports["AB"]["malformed"] else 0)
    assert set(reports) == {"AB"}
    assert (reports["AB"]["best_bid"], float(str(reports["AB"]["best_bid_size"]))) == ("1.15", 3.5)


def test_a_recording_of_malformed_frames_is_no_good_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A script that uses the exit code must not accept an unreadable file as a recording that holds."""
    path = tmp_path / "malformed.ndjson"
    path.write_bytes(b"\n".join([DIFF.replace(b'"U":6', b'"U":"x"')] * 5))
    code, reports = run(capsys, path, "--venue", "binance", "--format", "ndjson")
    assert (code, reports["AB"]["malformed"], reports["AB"]["diffs"]) == (1, 5, 0)


def test_a_number_that_jumped_ahead_is_a_gap(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """After it every change looks old and is dropped: the book does not move, and its last state is wrong."""
    path = tmp_path / "jump.ndjson"
    first = int(DIFF.partition(b'"U":')[2].partition(b",")[0])
    diffs = [
        DIFF.replace(b'"U":%d,"u":%d' % (first, first), b'"U":%d,"u":%d' % (n, n)) for n in range(first, first + 9)
    ]
    path.write_bytes(b"\n".join([SNAPSHOT, *diffs]))
    code, reports = run(capsys, path, "--venue", "binance", "--format", "ndjson")
    assert (code, reports["AB"]["gaps"], reports["AB"]["dropped"]) == (0, 0, 0)
    diffs[4] = diffs[4].replace(b'"u":%d' % (first + 4), b'"u":%d' % (first + 10**9))
    path.write_bytes(b"\n".join([SNAPSHOT, *diffs]))
    code, reports = run(capsys, path, "--venue", "binance", "--format", "ndjson")
    assert (code, reports["AB"]["gaps"], reports["AB"]["state"]) == (1, 1, "suspect")


def test_a_price_with_more_decimals_than_anything_stops_no_check(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One number with 31 decimals once ended the check, and the machine's memory with it."""
    path = tmp_path / "fine.ndjson"
    fine = DIFF.replace(b'"1.15"', b'"1.1500000000000000000000000000001"')
    path.write_bytes(b"\n".join([SNAPSHOT, DIFF, fine]))
    code, reports = run(capsys, path, "--venue", "binance", "--format", "ndjson")
    assert (code, reports["AB"]["malformed"]) == (1, 1)


def test_zeros_are_left_out_where_a_number_would_not_fit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Coins of small value have sizes of twelve digits, and spot writes eight zeros after them."""
    path = tmp_path / "large.ndjson"
    path.write_bytes(SNAPSHOT + b"\n" + DIFF.replace(b'"3.5"', b'"512345678901.50000000"'))
    code, reports = run(capsys, path, "--venue", "binance")
    assert (code, reports["AB"]["malformed"]) == (0, 0)
    assert float(str(reports["AB"]["best_bid_size"])) == 512345678901.5


def test_a_recording_of_orders_is_checked_order_by_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Messages, the book that was asked for meanwhile, more messages: levels come out as the sums of orders."""
    exchange = Exchange(5)
    lines: list[bytes] = []
    for count in (150, 300):
        for _ in range(count):
            exchange.step()
        lines += [*exchange.take_frames(), exchange.book()]
    path = tmp_path / "orders.ndjson"
    path.write_bytes(b"\n".join(lines[:-1]))
    code, reports = run(capsys, path, "--venue", "coinbase-exchange")
    [report] = reports.values()
    assert code == 0
    assert (report["symbol"], report["snapshots"], report["gaps"], report["malformed"]) == ("BTC-USD", 1, 0, 0)
    levels = {side: [price for s, price in exchange.queues if s == side] for side in (1, -1)}
    assert (report["bids"], report["asks"]) == (len(levels[1]), len(levels[-1]))
    assert (report["best_bid"], report["best_ask"]) == (cents(max(levels[1])), cents(min(levels[-1])))
    del lines[-20]
    path.write_bytes(b"\n".join(lines[:-1]))
    code, reports = run(capsys, path, "--venue", "coinbase-exchange")
    assert (code, reports["BTC-USD"]["gaps"], reports["BTC-USD"]["state"]) == (1, 1, "suspect")


@pytest.mark.parametrize(
    "spoilt",
    [b'{"channel":"instrument","data":' + b"[" * 200_000, b'{"channel":"status","data":[]}'],
    ids=["nested beyond any parser", "a status of nothing"],
)
def test_a_broken_word_of_the_venue_stops_no_check(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, spoilt: bytes
) -> None:
    """The survey reads what the scanner passes by, with a parser that has limits of its own."""
    path = tmp_path / "spoilt.ndjson"
    book = b'{"symbol":"A/B","bids":[{"price":1.0,"qty":2.0}],"asks":[],"checksum":0}'
    path.write_bytes(b'{"channel":"book","type":"snapshot","data":[' + book + b"]}\n" + spoilt)
    _, reports = run(capsys, path, "--venue", "kraken", "--format", "ndjson")
    assert set(reports) == {"A/B"}


@pytest.mark.parametrize("answer", ['{"result":"success"}', "[]", '{"result":{"a":"wsname"}}', "7"])
def test_an_answer_of_another_kind_stops_no_check(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: str
) -> None:
    """A recorder asks more than the feed does, and another product of the venue answers in other words."""
    path = tmp_path / "asked.jsonl"
    url = "https://api.kraken.com/0/public/AssetPairs"
    path.write_text(json.dumps({"t": "http", "ts": 1.0, "url": url, "data": answer}))
    assert run(capsys, path, "--venue", "kraken") == (2, {})
