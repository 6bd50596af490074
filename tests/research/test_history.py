"""The history as a quant reads it: the recorded values, in the order of time, within a bounded memory."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from engine.lanes.map import lane_of
from engine.model.records import BOOK_TOP
from engine.recorder.part import Head
from engine.recorder.sources import row_of
from engine.recorder.store.columns import batch_of
from engine.recorder.store.disk import Disk
from engine.recorder.store.hot import heat
from engine.recorder.store.manifest import Manifest, Source
from engine.recorder.store.seal import FileWriter, Gaps
from research import TooLargeError, history
from research.extras import need
from research.history import _rows_between, nanoseconds

SECOND_NS, DAY_NS = 1_000_000_000, 86_400_000_000_000
MIDNIGHT_NS = 20_000 * DAY_NS  # 2024-10-04
INSTRUMENTS = {1: ("binance", "BTCUSDT", 2, 3), 2: ("kraken", "XBT/USD", 1, 8)}
PRICE = 6_000_012


class Unflushed(Disk):
    """Leaves the bytes in the page cache."""

    def sync(self, path: Path) -> None:
        """Do nothing."""


def head(lane: str) -> Head:
    """Describe rows of a lane."""
    row = row_of(lane_of(lane).record, lane_of(lane).kind)
    return Head(lane, "feed", "ring", row.name, row.size, row.descr, "ab" * 16, 0, 0, INSTRUMENTS)


def ticks(count: int, instrument: int, *, begin_ns: int = MIDNIGHT_NS, step_ns: int = SECOND_NS) -> np.ndarray:
    """Rows of one instrument, a step apart."""
    rows = np.zeros(count, lane_of("ticks").record.dtype)
    rows["publish_ns"] = begin_ns + np.arange(count) * step_ns
    rows["receive_ns"] = rows["publish_ns"] - 1
    rows["price"], rows["size"], rows["instrument"] = PRICE + np.arange(count), 12_345, instrument
    return rows


def store(directory: Path, lane: str, *pieces: np.ndarray, heated: bool = False) -> None:
    """Write each piece as a file of the history."""
    kind, described = directory / "store" / lane, head(lane)
    manifest, first = Manifest(kind), 0
    for number, rows in enumerate(pieces):
        venue = INSTRUMENTS[int(rows["instrument"][0])][0]
        day = str(np.datetime64(int(rows["publish_ns"][0]), "ns"))[:10]
        writer = FileWriter(kind, venue, day, f"{number}.parquet")
        for at in range(0, len(rows), 1 << 14):
            piece = rows[at : at + (1 << 14)]
            writer.add(batch_of(described, piece, np.arange(first + at, first + at + len(piece))), "publish_ns")
        file = writer.finish(Unflushed(), Gaps(1, 2, SECOND_NS) if number == 0 else Gaps(), ("feed",))
        manifest.files[file.path] = file
        first += len(rows)
    manifest.sources["x", "y"] = Source("x", "y", 0, first, first, 0)
    manifest.save(Unflushed())
    if heated:
        heat(kind, Unflushed())


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A history of two venues over two days: 100 ticks each, every second, and as many on the next day."""
    pieces = [
        ticks(100, instrument, begin_ns=MIDNIGHT_NS + day * DAY_NS + instrument)
        for day in (0, 1)
        for instrument in (1, 2)
    ]
    store(tmp_path, "ticks", *pieces, heated=True)
    return tmp_path


def test_prices_are_the_nearest_floats_and_times_are_times(two: Path) -> None:
    """60000.12 is the float 60000.12, and no other that prints alike."""
    frame = history("ticks", "BTCUSDT", directory=two, columns=["publish_ns", "symbol", "price", "size"]).pandas()
    assert list(frame.columns) == ["publish_ns", "symbol", "price", "size"]
    assert frame["price"].tolist()[:3] == [60000.12, 60000.13, 60000.14]
    assert set(frame["size"]) == {12.345}
    assert str(frame["publish_ns"][1]) == "2024-10-04 00:00:01.000000001+00:00"
    assert set(frame["symbol"]) == {"BTCUSDT"}
    assert len(frame) == 200


def test_exact_values_are_the_recorded_integers(two: Path) -> None:
    """A sum of floats is not the sum of the fills."""
    found = history("ticks", "XBT/USD", directory=two, floats=False).arrow()
    assert found.column("price").type == pa.int64()
    assert found.column("price").to_pylist()[:100] == list(range(PRICE, PRICE + 100))
    assert set(found.column("price_decimals").to_pylist()) == {1}


def test_the_rows_of_several_venues_are_in_the_order_of_time(two: Path) -> None:
    """A strategy that reads kraken's whole day before binance's reads the future."""
    found = history("ticks", directory=two, columns=["publish_ns", "symbol"], floats=False).arrow()
    times = found.column("publish_ns").to_pylist()
    assert times == sorted(times)
    assert found.column("symbol").to_pylist()[:4] == ["BTCUSDT", "XBT/USD"] * 2
    assert len(found) == 400


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        ("2024-10-05", None, 200),
        (None, "2024-10-05", 200),
        (MIDNIGHT_NS + 10 * SECOND_NS, MIDNIGHT_NS + 20 * SECOND_NS, 20),
        (datetime(2024, 10, 4, 0, 0, 10, tzinfo=UTC), "2024-10-04T00:00:20", 20),
        (datetime(2024, 10, 4, 2, 0, 10, tzinfo=timezone(timedelta(hours=2))), "2024-10-04T00:00:20", 20),
    ],
)
def test_a_range_begins_at_its_start_and_ends_before_its_end(two: Path, start: object, end: object, count: int) -> None:
    """Two ranges that follow one another have each row once."""
    found = history("ticks", start=start, end=end, directory=two)
    assert len(found.arrow()) == sum(len(batch) for batch in found) == count


def test_every_form_has_the_same_numbers(two: Path) -> None:
    """Arrow, numpy, pandas, polars and SQL are five views of one history."""
    found = history("ticks", "BTCUSDT", start="2024-10-04", end="2024-10-05", directory=two)
    expected = [(PRICE + number) / 100 for number in range(100)]
    assert found.numpy()["price"].tolist() == expected
    assert found.pandas()["price"].tolist() == expected
    assert found.polars()["price"].to_list() == expected
    assert [row[0] for row in found.sql("select price from history order by publish_ns").fetchall()] == expected
    assert found.sql("select count(*) from history a join history b using (publish_ns)").fetchall() == [(100,)]
    (mapped,) = found.hot(["price"])
    assert mapped["price"].tolist() == [PRICE + number for number in range(100)]


def test_sql_shows_the_columns_that_arrow_shows(two: Path, tmp_path: Path) -> None:
    """The rule of a column is written twice, so the two are compared for every column of ticks and books."""
    rows = np.zeros(3, BOOK_TOP.dtype)
    rows["publish_ns"], rows["instrument"] = MIDNIGHT_NS + np.arange(3), 1
    rows["bid_price"] = np.arange(30).reshape(3, 10)
    store(tmp_path / "books", "books", rows)
    for kind, place in (("ticks", two), ("books", tmp_path / "books")):
        found = history(kind, venue="binance", directory=place)
        table = found.arrow()
        by_sql = found.sql("select * from history order by sequence").fetchall()
        assert len(by_sql) == len(table)
        for number, name in enumerate(table.column_names):
            shown = [plain(one) for one in table.column(name).to_pylist()]
            assert str([plain(row[number]) for row in by_sql]) == str(shown), name


def plain(value: object) -> object:
    """A value of either; a time in whole microseconds, which is what DuckDB hands to Python."""
    if isinstance(value, datetime):
        return int(np.datetime64(value.replace(tzinfo=None), "us").astype(int))
    return list(value) if isinstance(value, tuple) else value


def test_what_does_not_exist_is_refused_by_name(two: Path) -> None:
    """A misspelt symbol would be a market without a trade."""
    for wrong, text in (
        ({"kind": "tick"}, "no history of 'tick': expected one of ticks"),
        ({"symbols": "BTCUSD"}, "symbol 'BTCUSD': nothing is recorded of it: expected one of BTCUSDT, XBT/USD"),
        ({"venue": "okx"}, "venue 'okx': nothing is recorded of it: expected one of binance, kraken"),
        ({"columns": ["prize"]}, "column 'prize': expected one of sequence"),
        ({"start": "yesterday"}, "'yesterday': expected a day or a time"),
        ({"start": "2030-01-01"}, "ticks: nothing is recorded in this range"),
    ):
        with pytest.raises(ValueError, match=text.replace("(", r"\(")):
            history(**{"kind": "ticks", "directory": two, **wrong})


def test_a_missing_package_is_named_with_its_extra() -> None:
    """Only who reads as polars needs polars."""
    with pytest.raises(ModuleNotFoundError, match=r"package no_such_package: pip install 'steelyard\[research\]'"):
        need("no_such_package")


def test_importing_research_loads_none_of_the_packages() -> None:
    """A live look needs no Arrow."""
    code = "import sys, research; print([m for m in ('pyarrow', 'pandas', 'polars', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_gaps_are_shown_with_the_files(two: Path) -> None:
    """A backtest can leave out a day with a hole."""
    assert list(history("ticks", directory=two).gaps.values()) == [(1, 2, 1.0)]


def test_a_range_that_does_not_fit_is_refused_and_can_be_read_by_batches(tmp_path: Path) -> None:
    """The kernel would end the notebook, without a word."""
    store(tmp_path, "ticks", ticks(200_000, 1, step_ns=1_000))
    found = history("ticks", directory=tmp_path, memory_mib=1)
    with pytest.raises(TooLargeError, match=r"up to 200000 rows of .* memory_mib is 1: read it by batches"):
        found.arrow()
    assert sum(len(batch) for batch in found) == 200_000


MEMORY = """
import resource, sys
from research import history
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
found = history("books", directory=sys.argv[1], memory_mib=int(sys.argv[2]))
for batch in history("books", directory=sys.argv[3]): pass
before, rows, size = peak(), 0, 0
for batch in found: rows, size = rows + len(batch), size + batch.nbytes
print(peak() - before, rows, size >> 20)
"""


def test_reading_needs_no_more_memory_than_the_setting(tmp_path: Path) -> None:
    """Months of ticks are read on a machine that trades: over a range of ten times the bound the peak grows by less."""
    bound, count = 8, 230_000
    rows = np.zeros(count, BOOK_TOP.dtype)
    rows["instrument"], rows["publish_ns"] = 1, MIDNIGHT_NS + np.arange(count)
    store(tmp_path, "books", rows)
    store(tmp_path / "small", "books", rows[:1])
    words = [str(tmp_path), str(bound), str(tmp_path / "small")]
    done = subprocess.run([sys.executable, "-c", MEMORY, *words], capture_output=True, text=True, check=True)
    grown, read, decoded = map(int, done.stdout.split())
    assert read == count
    assert decoded > 10 * bound
    assert grown <= bound


OVERLAPPING = """
import resource, sys
from research import history
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
for batch in history("ticks", directory=sys.argv[2]): pass
resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))
found, before, rows, latest = history("ticks", directory=sys.argv[1], memory_mib=int(sys.argv[3])), peak(), 0, 0
for batch in found:
    times = batch.column("publish_ns").cast("int64").to_numpy()
    assert times[0] >= latest and (times[1:] >= times[:-1]).all()
    rows, latest = rows + len(batch), int(times[-1])
print(peak() - before, rows)
"""


def overlapping(directory: Path, rows: int) -> Path:
    """200 files of the same hours."""
    pieces = [ticks(rows, 1, begin_ns=MIDNIGHT_NS + number, step_ns=1_000_000) for number in range(200)]
    store(directory, "ticks", *pieces)
    return directory


@pytest.mark.soak
def test_many_files_of_the_same_hours_are_read_within_the_setting(tmp_path: Path) -> None:
    """Before a day is compacted each lane has a file every ten minutes: all open at once, each with its batch."""
    rows, bound = 2_000, 96
    store(tmp_path / "small", "ticks", ticks(10, 1), ticks(10, 1))
    words = [str(overlapping(tmp_path / "many", rows)), str(tmp_path / "small"), str(bound)]
    done = subprocess.run([sys.executable, "-c", OVERLAPPING, *words], capture_output=True, text=True, check=True)
    grown, read = map(int, done.stdout.split())
    assert read == rows * 200
    assert grown <= bound


def test_more_files_of_the_same_hours_than_the_setting_allows_are_refused_by_name(tmp_path: Path) -> None:
    """A notebook that grows beyond its setting is ended by the kernel, or takes the engine's memory."""
    place = overlapping(tmp_path, 5)
    with pytest.raises(TooLargeError, match=r"200 files overlap in time.* engine-ctl data seal"):
        list(history("ticks", directory=place, memory_mib=8))
    assert sum(map(len, history("ticks", directory=place, columns=["publish_ns"]))) == 1_000


def test_texts_without_a_zone_are_utc() -> None:
    """A range must not depend on the machine that reads it."""
    assert nanoseconds("1970-01-01T00:00:01", 0) == SECOND_NS
    assert nanoseconds(None, 5) == 5


def test_a_system_is_named_when_no_directory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first system that is found may be the wrong one."""
    monkeypatch.delenv("STEELYARD_SYSTEM", raising=False)
    with pytest.raises(ValueError, match="expected system="):
        history("ticks")


def test_hot_rows_are_cut_by_their_own_time_where_a_time_steps_back() -> None:
    """After a step of the wall clock a binary search would drop a row of the range, or add another one."""
    times = np.array([10, 50, 30, 60, 70])
    assert times[_rows_between(times, 40, 65)].tolist() == [50, 60]
    assert np.sort(times)[_rows_between(np.sort(times), 40, 65)].tolist() == [50, 60]
