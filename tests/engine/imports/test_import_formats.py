"""Each format as its publisher describes it, in small files that are made here."""

import gzip
import hashlib
import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from engine.imports.errors import ImportRefusedError
from engine.imports.formats.binance import Binance
from engine.imports.formats.binance import files_of as archive_of
from engine.imports.formats.generic import Generic
from engine.imports.formats.layout import Layout
from engine.imports.formats.lobster import Lobster, files_of
from engine.imports.formats.tardis import Tardis
from engine.imports.listing import Listing, parse
from engine.imports.query import queried, spooled
from engine.imports.run import Options, run
from engine.model.words import BarFlag, BookState, Flag, TickKind
from tests.engine.imports.conftest import LATER_NS, LISTING, START_MS, Imports

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recorded market data in {CAPTURES}")
MS = 10**6
US_2025 = 1_735_689_600_000_000  # 2025-01-01 in microseconds
US_NS = 1_000
BINANCE = Binance(LISTING)
TARDIS = Tardis(LISTING)
KLINES = f"{START_MS},100.00,110.00,90.00,105.50,12.345,{START_MS + 59_999},1302.39750000,7,2.345,247.39750000,0"


def zipped(path: Path) -> Path:
    """The file as the only one of a zip."""
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
    return packed


def test_binance_klines_become_bars_that_are_known_when_they_close(imports: Imports) -> None:
    """A bar published at its open would be a look ahead of a minute."""
    path = imports.write("BTCUSDT-1m-2023-11-14.csv", KLINES)
    imports.run(BINANCE, zipped(path))
    names = ("start_ns", "interval_ns", "publish_ns", "open", "high", "low", "close", "count")
    minute, start = 60 * 10**9, START_MS * MS
    assert imports.rows("bars", *names) == [(start, minute, start + minute, 10_000, 11_000, 9_000, 10_550, 7)]
    wide = ("volume_low", "bought_low", "notional_low", "volume_high", "price_decimals", "size_decimals", "flags")
    assert imports.rows("bars", *wide) == [(12_345, 2_345, 130_239_750, 0, 2, 3, BarFlag.CLOSED)]


def test_binance_trades_of_spot_are_microseconds_since_2025(imports: Imports) -> None:
    """The archive changed its unit: 2025 read as milliseconds is the year 56971."""
    place = imports.place / "spot"
    place.mkdir()
    path = place / "BTCUSDT-trades-2025-01-01.csv"
    path.write_text(f"8,100.00,1.5,150.0,{US_2025 + 10},True,True\n9,100.01,0.5,50.0,{US_2025 + 20},False,True\n")
    imports.run(BINANCE, path)
    found = imports.rows("ticks", "venue_ns", "price", "size", "side", "detail")
    assert found == [((US_2025 + 10) * US_NS, 10_000, 1_500, -1, 8), ((US_2025 + 20) * US_NS, 10_001, 500, 1, 9)]
    path.write_text(f"8,100.00,1.5,150.0,{US_2025 // 1_000},True,True\n")
    with pytest.raises(ImportRefusedError, match="is in milliseconds, expected microseconds of spot"):
        imports.run(BINANCE, path)
    path.write_text(f"8,100.00,1.5,150.0,{US_2025},True\n")
    with pytest.raises(ImportRefusedError, match="is in microseconds, expected milliseconds of um"):
        imports.run(Binance(LISTING, market="um"), path)


def test_a_file_that_changes_its_unit_of_time_in_the_middle_loses_those_rows_in_the_open(imports: Imports) -> None:
    """Two archives joined by hand: the second half is refused with its unit, not placed in another century."""
    lines = f"8,100.00,1.5,150.0,{START_MS},True", f"9,100.00,1.5,150.0,{START_MS * 1_000},True"
    report = imports.run(BINANCE, imports.write("BTCUSDT-trades-2023-11-14.csv", *lines)).report
    assert report.accepted == 1
    assert str(report.refused_rows[0]).startswith("line 2: time '1700000000000000' is a time in microseconds")


def test_binance_archives_of_futures_have_a_header(imports: Imports) -> None:
    """A header read as a row is a refused row, and a row read as a header is a lost one."""
    head = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    path = imports.write("BTCUSDT-aggTrades-2023-11.csv", head, f"5,99.99,2,1,3,{START_MS},true")
    assert imports.run(BINANCE, path).report.read == 1
    assert imports.rows("ticks", "price", "size", "side", "detail") == [(9_999, 2_000, -1, 5)]


def test_binance_book_tickers_become_best_prices(imports: Imports) -> None:
    """A quote is known when the venue sends it, not when it was matched."""
    head = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time"
    path = imports.write("BTCUSDT-bookTicker-2023-11-14.csv", head, f"77,99.9,1.5,100.1,2,{START_MS},{START_MS + 5}")
    imports.run(BINANCE, path)
    at, known = START_MS * MS, (START_MS + 5) * MS
    names = ("venue_ns", "publish_ns", "kind", "side", "price", "size", "venue_sequence", "flags")
    best = int(TickKind.BEST)
    assert imports.rows("ticks", *names) == [
        (at, known, best, 1, 9_990, 1_500, 77, 0), (at, known, best, -1, 10_010, 2_000, 77, 1)
    ]  # fmt: skip


def test_binance_book_depth_is_bands_and_no_book(imports: Imports) -> None:
    """Sizes within some percent of the price are a kind of their own: as levels they would be a wrong book."""
    lines = (
        "timestamp,percentage,depth,notional",
        "2023-11-14 22:13:20,-5.00,10.500,1000.25",
        "2023-11-14 22:13:20,1,2,200",
    )
    imports.run(BINANCE, imports.write("BTCUSDT-bookDepth-2023-11-14.csv", *lines))
    names = ("venue_ns", "percent_hundredths", "size", "notional_low")
    at = START_MS * MS
    assert imports.rows("depth_bands", *names) == [(at, -500, 10_500, 100_025_000), (at, 100, 2_000, 20_000_000)]


def test_binance_depth_is_a_snapshot_and_changes(imports: Imports) -> None:
    """The historical order books of futures: a snapshot empties the book first."""
    head = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
    path = imports.write(
        "BTCUSDT_T_DEPTH_2023-11-14_depth_update.csv", head,
        f"BTCUSDT,{START_MS},1,9,b,snap,99.00,1,0", f"BTCUSDT,{START_MS},1,9,a,snap,101.00,2,0",
        f"BTCUSDT,{START_MS + 5},10,12,b,set,99.00,0,9",
    )  # fmt: skip
    imports.run(BINANCE, path)
    snapshot, state, level = int(Flag.SNAPSHOT), int(TickKind.STATE), int(TickKind.LEVEL)
    assert imports.rows("levels", "kind", "side", "price", "size", "detail", "venue_sequence", "flags") == [
        (state, 0, 0, 0, int(BookState.GOOD), 0, Flag.RESET | snapshot),
        (level, 1, 9_900, 1_000, 0, 9, snapshot), (level, -1, 10_100, 2_000, 0, 9, snapshot | Flag.LAST),
        (level, 1, 9_900, 0, 1_000, 12, Flag.LAST),
    ]  # fmt: skip


def test_binance_depth_begins_with_the_snapshot_beside_it(imports: Imports) -> None:
    """Two files of one book: changes that the snapshot has already would be applied twice."""
    head = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
    name = "BTCUSDT_T_DEPTH_2023-11-14_depth_{}.csv"
    imports.write(name.format("snap"), head, f"BTCUSDT,{START_MS + 5},9,9,b,snap,99.00,1,-1")
    changes = imports.write(
        name.format("update"), head,
        f"BTCUSDT,{START_MS},5,6,b,set,98.00,7,4", f"BTCUSDT,{START_MS + 5},7,9,b,set,99.00,3,6",
        f"BTCUSDT,{START_MS + 6},10,11,b,set,99.00,2,9",
    )  # fmt: skip
    report = imports.run(BINANCE, *archive_of(changes)).report
    assert (report.read, report.refused_by_reason) == (4, {"sequence is in the snapshot already": 2})
    assert [row[:2] for row in imports.rows("levels", "size", "detail")] == [(0, 1), (1_000, 0), (2_000, 1_000)]
    with pytest.raises(ImportRefusedError, match="name the file with depth_update"):
        archive_of(imports.place / name.format("snap"))


def test_snapshots_of_tardis_in_a_row_are_one(imports: Imports) -> None:
    """A book is discarded where a snapshot follows a change, not in the middle of a snapshot of several messages."""
    us = START_MS * 1_000
    head = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
    rows = [(0, "true", "99"), (1, "true", "98"), (2, "false", "97"), (3, "true", "96")]
    lines = [f"binance,BTCUSDT,{us + n},{us + n},{snapshot},bid,{price},1" for n, snapshot, price in rows]
    imports.run(TARDIS, imports.write("levels.csv", head, *lines))
    states = [row for row in imports.rows("levels", "venue_ns", "kind") if row[1] == TickKind.STATE]
    assert [(at - us * US_NS) // US_NS for at, _ in states] == [0, 3]


def test_a_checksum_file_is_verified(imports: Imports) -> None:
    """A download that broke off is found before anything is imported."""
    path = imports.write("BTCUSDT-1m-2023-11-14.csv", KLINES)
    beside = path.with_name(path.name + ".CHECKSUM")
    beside.write_text("0" * 64 + f"  {path.name}\n")
    with pytest.raises(ImportRefusedError, match=r"CHECKSUM has 0000.*download the file again"):
        imports.run(BINANCE, path)
    beside.write_text(hashlib.sha256(path.read_bytes()).hexdigest() + f"  {path.name}\n")
    assert imports.run(BINANCE, path).report.accepted == 1


def test_the_same_archive_zipped_and_unzipped_is_imported_once(imports: Imports) -> None:
    """The bytes differ, the bars do not."""
    path = imports.write("BTCUSDT-1m-2023-11-14.csv", KLINES)
    imports.run(BINANCE, zipped(path))
    assert imports.run(BINANCE, path).report.duplicates_in_history == 1


def test_tardis_levels_trades_and_quotes(imports: Imports) -> None:
    """Times are microseconds; the rows of one local_timestamp are one message."""
    us = START_MS * 1_000
    path = imports.place / "levels.csv.gz"
    text = (
        "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
        f"binance,BTCUSDT,{us},{us + 9},true,bid,99.5,1\nbinance,BTCUSDT,{us},{us + 9},true,ask,100.5,2\n"
        f"binance,BTCUSDT,{us + 50},{us + 60},false,bid,99.5,0\nbinance,BTCUSDT,{us + 50},{us + 60},false,bid,99.4,3\n"
    )
    path.write_bytes(gzip.compress(text.encode()))
    imports.run(TARDIS, path)
    rows = imports.rows("levels", "venue_ns", "publish_ns", "side", "price", "size", "flags")
    assert rows[0][5] == Flag.RESET | Flag.SNAPSHOT
    assert rows[1:] == [
        (us * US_NS, (us + 9) * US_NS, 1, 9_950, 1_000, Flag.SNAPSHOT),
        (us * US_NS, (us + 9) * US_NS, -1, 10_050, 2_000, Flag.SNAPSHOT | Flag.LAST),
        ((us + 50) * US_NS, (us + 60) * US_NS, 1, 9_950, 0, 0),
        ((us + 50) * US_NS, (us + 60) * US_NS, 1, 9_940, 3_000, Flag.LAST),
    ]
    imports.run(TARDIS, imports.write(
        "trades.csv", "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        f"binance,BTCUSDT,{us},{us + 1},5,buy,99.5,1", f"binance,BTCUSDT,{us},{us + 1},,unknown,99.5,1",
        f"kraken,BTCUSDT,{us},{us + 1},7,buy,99.5,1",
    ))  # fmt: skip
    imports.run(TARDIS, imports.write(
        "quotes.csv", "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
        f"binance,BTCUSDT,{us},{us + 2},2,100.5,99.5,1", f"binance,BTCUSDT,{us + 5},{us + 7},,,99.5,1",
    ))  # fmt: skip
    found = imports.rows("ticks", "kind", "side", "price", "size")
    best = int(TickKind.BEST)
    assert found == [
        (int(TickKind.PRINT), 1, 9_950, 1_000), (best, 1, 9_950, 1_000), (best, -1, 10_050, 2_000),
        (best, 1, 9_950, 1_000), (best, -1, 0, 0),
    ]  # fmt: skip


def test_tardis_snapshots_become_the_changes_between_them(imports: Imports) -> None:
    """A book that is emptied at each row would put every order of a simulation to the end of its queue."""
    us = START_MS * 1_000
    names = ",".join(
        f"{side}s[{n}].{what}" for n in range(5) for side in ("ask", "bid") for what in ("price", "amount")
    )
    books = ["100.5,2,99.5,1,101,1,99,1" + "," * 12, "100.5,2,99.5,4,,,99,1" + "," * 12]
    lines = [f"binance,BTCUSDT,{us + n},{us + n},{book}" for n, book in enumerate(books)]
    head = f"exchange,symbol,timestamp,local_timestamp,{names}"
    assert imports.run(TARDIS, imports.write("book_snapshot_5.csv", head, *lines)).report.read == 2
    rows = imports.rows("levels", "side", "price", "size", "detail")[1:]
    assert sorted(rows[:4]) == [
        (-1, 10_050, 2_000, 0),
        (-1, 10_100, 1_000, 0),
        (1, 9_900, 1_000, 0),
        (1, 9_950, 1_000, 0),
    ]
    assert sorted(rows[4:]) == [(-1, 10_100, 0, 1_000), (1, 9_950, 4_000, 1_000)]


def lobster(imports: Imports, messages: list[str], books: list[str]) -> tuple[Path, Path]:
    """A pair of files."""
    name = "AAPL_2012-06-21_34200000_57600000_{}_1.csv"
    imports.write(name.format("orderbook"), *books)
    return files_of(imports.write(name.format("message"), *messages))


STOCK = Lobster(Listing([parse("nasdaq:AAPL,price=0.01,size=1")]))


def test_lobster_is_levels_prints_and_halts_in_new_york_time(imports: Imports) -> None:
    """A direction is that of the resting order: the aggressor is the other side."""
    messages = [
        "34200.000000001,1,11,18,5853300,1", "34200.5,4,11,8,5853300,1", "34201,5,0,10,5855000,-1", "34202,7,0,0,-1,-1",
        "34203,6,0,10,5855000,-1",
    ]  # fmt: skip
    books = ["5859400,200,5853300,18", "5859400,200,5853300,10", *["9999999999,0,5853300,10"] * 3]
    report = imports.run(STOCK, *lobster(imports, messages, books)).report
    midnight = 1_340_251_200 * 10**9  # 2012-06-21T04:00Z
    assert imports.rows("ticks", "venue_ns", "price", "size", "side") == [
        (midnight + 34_200_500_000_000, 58_533, 8, -1), (midnight + 34_201 * 10**9, 58_550, 10, 1)
    ]  # fmt: skip
    levels = imports.rows("levels", "kind", "side", "price", "size", "detail")
    assert sorted(levels[1:3]) == [(2, -1, 58_594, 200, 0), (2, 1, 58_533, 18, 0)]
    assert levels[3:] == [(2, 1, 58_533, 10, 18), (2, -1, 58_594, 0, 200), (4, 0, 0, 0, int(BookState.SHUT))]
    assert report.refused_by_reason == {"type is a cross trade": 1}


def test_lobster_files_of_different_lengths_are_refused(imports: Imports) -> None:
    """A book beside the wrong message is a wrong book from there on."""
    files = lobster(imports, ["34200.1,1,11,18,5853300,1"] * 2, ["5859400,200,5853300,18"])
    with pytest.raises(ImportRefusedError, match="fewer lines than the other file has"):
        imports.run(STOCK, *files)


def test_parquet_with_a_mapping_and_floats(imports: Imports) -> None:
    """A float is the shortest decimal number that is equal to it; 0.1 + 0.2 has 17 decimals and is refused."""
    path = imports.place / "file.parquet"
    columns = {"ts": pa.array([START_MS * MS] * 2, pa.timestamp("ns", "UTC")), "px": [0.1, 0.1 + 0.2], "q": [1, 2],
               "maker": [True, False]}  # fmt: skip
    pq.write_table(pa.table(columns), path)
    mapping = {"time": "ts", "price": "px", "size": "q", "buyer_maker": "maker"}
    report = imports.run(Generic(Layout("trades"), mapping, LISTING, parquet=True), path).report
    assert imports.rows("ticks", "venue_ns", "price", "size", "side") == [(START_MS * MS, 10, 1_000, -1)]
    assert str(report.refused_rows[0]).startswith("line 2: price '0.30000000000000004' has more than 2 decimals")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "dbapi"])
def test_the_answer_of_a_query_is_imported_once(imports: Imports, kind: str) -> None:
    """The identity is the answer's: a vacuum of the database does not import it again."""
    path = imports.place / f"market.{kind}"
    connection = sqlite3.connect(path) if kind != "duckdb" else duckdb.connect(str(path))
    connection.execute("create table t (ts bigint, px text, q double, s text)")
    connection.execute(f"insert into t values ({START_MS}, '30000.10', 0.25, 'sell')")  # noqa: S608 - our number
    connection.commit()
    query = "select ts as time, px as price, q as size, s as side from t"
    if kind != "dbapi":
        connection.close()
    form = Generic(Layout("trades"), {}, LISTING, parquet=True)
    for known in (False, True):
        answer = spooled(connection.execute(query), "t") if kind == "dbapi" else queried(path, query)
        with answer as source:
            assert run(source, form, imports.directory, Options(), LATER_NS).known == known
    connection.close()
    assert imports.rows("ticks", "price", "size", "side") == [(3_000_010, 250, -1)]
    if kind != "dbapi":
        with (
            pytest.raises(ImportRefusedError, match="--query 'select x from nothing'"),
            queried(path, "select x from nothing"),
        ):
            pass


def test_damaged_files_are_refused_by_name(imports: Imports) -> None:
    """An error names the file and what to do, whatever bytes it has."""
    text = "time,price,size,side\n" + f"{START_MS},1.00,1,buy\n" * 5_000
    packings = {"gz": gzip.compress(text.encode()), "zst": zstandard.compress(text.encode())}
    form = Generic(Layout("trades"), {}, LISTING, parquet=False)
    for name, packed in packings.items():
        path = imports.place / f"cut.{name}"
        path.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(ImportRefusedError, match=f"cut.{name}"):
            imports.run(form, path)
    path = zipped(imports.write("cut.csv", text))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ImportRefusedError, match=r"cut\.zip"):
        imports.run(form, path)
    for content in (b"", b"\0\1\2\3", b"\n\n", "time,price\n".encode("utf-16"), b"time,time,size,side\n1,1,1,1\n"):
        path = imports.place / "odd.csv"
        path.write_bytes(content)
        with pytest.raises(ImportRefusedError, match=r"odd\.csv"):
            imports.run(form, path)
    with pytest.raises(ImportRefusedError, match="cannot be read as Parquet"):
        imports.run(Generic(Layout("trades"), {}, LISTING, parquet=True), path)
    assert not list(imports.directory.rglob("*.parquet"))


REFUSED = """
import sys
from pathlib import Path
from engine.imports.errors import ImportRefusedError
from engine.imports.report import Refusals
from engine.imports.tables import read_csv
for path in map(Path, sys.argv[1:]):
    try:
        list(read_csv(path, Refusals()))
    except ImportRefusedError:
        continue
    raise SystemExit("it was read")
"""


def test_a_process_that_has_refused_a_packed_file_ends_as_others(imports: Imports) -> None:
    """A thread of Arrow was reading ahead in Python: the process aborted, without its exit code."""
    path = imports.place / "long.csv"
    path.write_bytes(b"time,price,size,side\n" + b"0" * (24 << 20))
    (packed := imports.place / "long.csv.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    words = [sys.executable, "-c", REFUSED, str(packed), str(zipped(path))]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


@needs_captures
def test_published_files_are_imported_as_they_are(imports: Imports) -> None:
    """A kline archive without a header, and a pair of LOBSTER with a book of ten levels, as they were published."""
    listing = Listing([parse("binance:ADABTC,price=0.00000001,size=0.1"), parse("nasdaq:AAPL,price=0.01,size=1")])
    report = imports.run(Binance(listing), CAPTURES / "bars_trades" / "ADABTC-1m-2021-11-27.csv").report
    assert (report.read, report.accepted, report.faults) == (10, 10, [])
    for name in ("message", "orderbook"):
        packed = CAPTURES / "other_venues" / f"AAPL_2012-06-21_first999_{name}_10.csv.zst"
        content = zstandard.ZstdDecompressor().stream_reader(packed.open("rb")).read()
        (imports.place / f"AAPL_2012-06-21_34200000_57600000_{name}_10.csv").write_bytes(content)
    files = files_of(imports.place / "AAPL_2012-06-21_34200000_57600000_message_10.csv")
    report = imports.run(Lobster(listing), *files).report
    assert (report.read, report.faults) == (999, [])
