"""An import: the same file twice, overlapping files, deaths, and the report of what was found."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from engine.imports import tables
from engine.imports.errors import ImportRefusedError
from engine.imports.formats.generic import Generic
from engine.imports.formats.layout import Layout
from engine.imports.listing import Listing, parse
from engine.imports.run import REPORTS
from engine.imports.stage import Stage
from engine.recorder.locks import PARTS, STORE
from engine.recorder.store.check import problems
from engine.recorder.store.manifest import Manifest
from engine.recorder.store.prune import EVERY, prune_store
from tests.engine.imports.conftest import LISTING, START_MS, Imports, Unflushed, trades
from tests.engine.recorder.test_store import Dying, Killed

MS = 10**6
LEVELS = [
    "time,side,price,size",
    *(f"{START_MS + n},{'bid' if n % 2 else 'ask'},{100 - n % 2}.0{n % 5},1.5" for n in range(50)),
]


def faults(imports: Imports) -> list[str]:
    """What `engine-ctl data check` finds."""
    return list(problems(imports.directory / PARTS, imports.directory / STORE))


def test_prices_sizes_and_times_are_exact(imports: Imports) -> None:
    """A wrong digit is money: what the text has is what the history has, as a recorded print has it."""
    result = imports.csv("trades", "time,price,size,side,id", f"{START_MS},30000.10000000,0.001,buy,5")
    assert result.report.accepted == 1
    columns = ("venue_ns", "receive_ns", "price", "size", "side", "detail", "kind", "flags", "symbol", "instrument")
    at = START_MS * MS
    assert imports.rows("ticks", *columns) == [(at, at, 3_000_010, 1, 1, 5, 3, 1, "BTCUSDT", 7)]
    assert imports.rows("ticks", "price_decimals", "size_decimals") == [(2, 3)]


def test_the_same_file_again_changes_no_byte(imports: Imports) -> None:
    """A script that imports a directory every night must not double yesterday."""
    imports.csv("trades", *trades(0, 500))
    before = imports.bytes()
    again = imports.csv("trades", *trades(0, 500))
    assert again.known
    assert imports.bytes() == before


def test_a_file_whose_days_retention_removed_is_not_known_as_imported(imports: Imports) -> None:
    """An answer that the history has it, without a row of it in the history, is a hole in the user's data."""
    imports.csv("trades", *trades(0, 10))
    prune_store(imports.directory, {EVERY: "2023-11-15"}, Unflushed())
    with pytest.raises(ImportRefusedError, match=r"retention has removed rows of it since \(binance 2023-11-14\)"):
        imports.csv("trades", *trades(0, 10))


def test_overlapping_files_give_each_print_once(imports: Imports) -> None:
    """A daily and a monthly archive have the same trades."""
    imports.csv("trades", *trades(0, 300), name="a.csv")
    result = imports.csv("trades", *trades(200, 300), name="b.csv")
    assert (result.report.accepted, result.report.duplicates_in_history) == (200, 100)
    assert [row[0] for row in imports.rows("ticks", "detail")] == list(range(500))
    assert faults(imports) == []


def test_another_price_of_the_same_print_refuses_the_file_unless_it_replaces(imports: Imports) -> None:
    """Two sources that differ: the user decides which one is right, never the order of the files."""
    imports.csv("trades", *trades(0, 300), name="a.csv")
    before = imports.bytes()
    other = trades(250, 100)
    other[10] = other[10].replace("30000.", "31000.")
    with pytest.raises(ImportRefusedError, match=r"1 conflicts: line 11: .*detail=259.*3100004.*3000004"):
        imports.csv("trades", *other, name="b.csv")
    assert imports.bytes() == before
    result = imports.csv("trades", *other, name="b.csv", replace=True)
    assert (result.report.replaced, result.report.accepted) == (1, 51)
    prices = dict(imports.rows("ticks", "detail", "price"))
    assert len(prices) == 350
    assert prices[259] == 3_100_004
    assert faults(imports) == []


def test_a_file_with_other_options_is_refused_unless_it_replaces(imports: Imports) -> None:
    """A file that was imported with a wrong mapping is imported anew, not beside it."""
    lines = ["time,price,size,side,other", *(f"{START_MS + n},1.00,2.000,buy,3.00" for n in range(5))]
    imports.csv("trades", *lines)
    form = Generic(Layout("trades"), {"price": "other"}, LISTING, parquet=False)
    path = imports.place / "file.csv"
    with pytest.raises(ImportRefusedError, match="imported with other options"):
        imports.run(form, path)
    assert imports.run(form, path, replace=True).report.replaced == 5
    assert [row[0] for row in imports.rows("ticks", "price")] == [300] * 5
    assert faults(imports) == []


def test_levels_of_two_sources_must_be_the_same_where_they_overlap(imports: Imports) -> None:
    """Two recordings of one book, row between row, are no book."""
    imports.csv("levels", *LEVELS, name="a.csv")
    result = imports.csv("levels", *LEVELS, "", name="b.csv")
    assert (result.report.accepted, result.report.duplicates_in_history) == (0, 50)
    moved = [LEVELS[0], *(f"{START_MS + n}.5,bid,99.00,{n + 1}" for n in range(20))]
    with pytest.raises(ImportRefusedError, match=r"levels of binance:BTCUSDT: .* differ from those of import"):
        imports.csv("levels", *moved, name="c.csv")
    assert len(imports.rows("levels", "price")) == 50


@pytest.mark.parametrize("shape", ["levels", "quotes", "trades"])
def test_long_files_of_rows_without_a_key_are_compared_batch_by_batch(
    imports: Imports, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """The same rows in two files, whose batches end at other rows, are the same history."""
    monkeypatch.setattr(tables, "BLOCK", 1 << 14)
    heads = {
        "levels": "time,side,price,size", "quotes": "time,bid_price,bid_size,ask_price,ask_size",
        "trades": "time,price,size,side",
    }  # fmt: skip
    rows = {
        "levels": lambda n: f"{'bid' if n % 3 else 'ask'},{100 + n % 3}.00,{n % 7}",
        "quotes": lambda n: f"{99 + n % 3}.00,1,{103 + n % 3}.00,{n % 5 + 1}",
        "trades": lambda n: f"{99 + n % 3}.00,1,{'buy' if n % 2 else 'sell'}",
    }
    lines = [f"{START_MS + n // 3 * 7},{rows[shape](n)}" for n in range(4_000)]
    first = imports.csv(shape, heads[shape], *lines, name="a.csv").report
    monkeypatch.setattr(tables, "BLOCK", 15_001)
    again = imports.csv(shape, heads[shape], *lines, "", name="b.csv").report
    assert (again.accepted, again.duplicates_in_history) == (0, first.accepted)
    part = imports.csv(shape, heads[shape], *lines[1_200:2_400], name="c.csv").report
    assert (part.accepted, part.conflicts) == (0, 0)


def test_a_gap_between_two_stretches_can_be_filled(imports: Imports) -> None:
    """The hour in which the recorder was down is imported from an archive."""
    early, late = LEVELS[1:20], [f"{START_MS + 7_200_000 + n},bid,99.00,1" for n in range(20)]
    imports.csv("levels", LEVELS[0], *early, *late, name="a.csv")
    between = [f"{START_MS + 3_600_000 + n},bid,98.00,1" for n in range(20)]
    assert imports.csv("levels", LEVELS[0], *between, name="b.csv").report.accepted == 20


def test_aggregated_trades_beside_trades_are_refused(imports: Imports) -> None:
    """Both of one day would count every volume twice."""
    imports.csv("trades", *trades(5_000, 300), name="a.csv")
    other = [f"{START_MS + n * 100 + 50},30000.00,0.001,buy,{n - 4_000}" for n in range(5_010, 5_200)]
    with pytest.raises(ImportRefusedError, match="numbered otherwise"):
        imports.csv("trades", "time,price,size,side,id", *other, name="b.csv")


@pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.soak)])
def test_a_death_at_every_effect_neither_loses_nor_doubles_a_row(imports: Imports, stride: int) -> None:
    """An import of two days with a replaced row dies before an effect on the disk; the next run completes it."""
    first = trades(0, 20, step_ms=60_000)
    other = trades(10, 20, step_ms=500_000)
    other[1:11] = first[11:]
    other[2] = other[2].replace("30000.", "31000.")
    imports.csv("trades", *first, name="a.csv")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        original, effects, died = Path(memory) / "original", 0, True
        shutil.move(imports.directory, original)
        imports.directory = Path(memory) / "work"
        while died:
            shutil.rmtree(imports.directory, ignore_errors=True)
            shutil.copytree(original, imports.directory)
            died = dies(imports, other, effects)
            prices = imports.rows("ticks", "detail", "price")
            assert [one[0] for one in prices] == list(range(30))
            assert dict(prices)[11] == 3_100_001
            assert faults(imports) == []
            effects += stride
    assert effects > 15


def dies(imports: Imports, lines: list[str], effects: int) -> bool:
    """Import, die after so many effects, and import again; whether it died."""
    try:
        imports.csv("trades", *lines, name="b.csv", replace=True, disk=Dying(effects))
    except Killed:
        assert [one[0] for one in imports.rows("ticks", "detail")] in (list(range(20)), list(range(30)))
        imports.csv("trades", *lines, name="b.csv", replace=True)
        return True
    return False


def test_a_row_that_cannot_be_exact_is_refused_with_its_line(imports: Imports) -> None:
    """Nothing is dropped in silence: each refused row has its line, its value and what was expected."""
    good = f"{START_MS},30000.00,1.000,buy,1"
    bad = [
        f"{START_MS},30000.001,1,buy,2", f"{START_MS},nan,1,buy,3", f"{START_MS},0,1,buy,4", f"{START_MS},-5,1,sell,5",
        f"{START_MS},1,0,buy,6", f"{START_MS},,1,buy,7", f"{START_MS},1,1,up,8", f"{START_MS * 1000},1,1,buy,9",
        f"{START_MS},1,1,buy", f"{START_MS},99999999999999999999,1,buy,11", f"{START_MS},1e999999999,1,buy,12",
    ]  # fmt: skip
    report = imports.csv("trades", "time,price,size,side,id", good, *bad, good.replace(",1", ",2")).report
    texts = sorted(map(str, report.refused_rows), key=lambda text: int(text.split(":")[0].removeprefix("line ")))
    assert report.accepted == 2
    assert (report.read, report.refused) == (13, 11)
    expected = (
        "line 3: price '30000.001' has more than 2 decimals", "line 4: price 'nan' is no number",
        "line 5: price '0' is zero or negative", "line 6: price '-5' is zero or negative",
        "line 7: size '0' is zero or negative", "line 8: price '' is empty",
        "line 9: side 'up' is no side", "line 10: time '1700000000000000' is a time in microseconds, expected milli",
        "line 11: line", "line 12: price '99999999999999999999' does not fit",
        "line 13: price '1e999999999' is no number",
    )  # fmt: skip
    assert len(texts) == len(expected)
    for text, start in zip(texts, expected, strict=True):
        assert text.startswith(start)


def test_strict_refuses_a_file_with_any_finding_and_leaves_no_file(imports: Imports) -> None:
    """A nightly job that must not import a doubtful file."""
    lines = trades(0, 10)
    lines[5] = lines[5].replace("30000.", "90000.")
    with pytest.raises(ImportRefusedError, match="--strict: 2 outliers"):
        imports.csv("trades", *lines, strict=True)
    assert [path for path in imports.directory.rglob("*") if path.is_file() and path.name != "lock"] == []


def test_a_dry_run_reports_and_writes_nothing(imports: Imports) -> None:
    """A look before the leap."""
    result = imports.csv("trades", *trades(0, 10), dry_run=True)
    assert (result.report.accepted, result.path) == (10, None)
    assert not imports.directory.exists()


def test_the_report_names_what_was_found(imports: Imports) -> None:
    """Outliers, gaps, duplicates, steps back and missing numbers, each with its line, beside the manifest."""
    lines = trades(0, 40)
    lines[20] = lines[20].replace("30000.", "60000.")
    lines += [lines[3], *trades(1_000, 3)[1:]]
    result = imports.csv("trades", *lines)
    assert result.path is not None
    assert result.path.parent == imports.directory / STORE / REPORTS
    report = json.loads(result.path.read_bytes())
    (symbol,) = report["symbols"]
    assert (report["duplicates_in_file"], symbol["steps_back"], symbol["gaps"], symbol["outliers"]) == (1, 1, 1, 2)
    assert (symbol["missing"], symbol["gap_seconds"], symbol["rows"]) == (960, 96.1, 44)
    text = result.path.with_suffix(".txt").read_text()
    assert "found: line 21: price '60000" in text
    assert "rule outliers:" in text
    (file,) = Manifest.load(imports.directory / STORE / "ticks").files.values()
    assert (file.gaps, file.symbols) == (0, ("BTCUSDT",))


@pytest.mark.parametrize(("shape", "lost"), [("bars", 57), ("levels", 0)])
def test_the_manifest_has_the_gaps_of_books_and_bars(imports: Imports, shape: str, lost: int) -> None:
    """A simulation refuses a range in which a book was silent; a market without a print is only quiet."""
    minute = 60_000
    start = START_MS // minute * minute
    times = [start, start + minute, start + 59 * minute]
    rows = {"bars": "1.00,1.00,1.00,1.00,1", "levels": "bid,1.00,1"}
    head = {"bars": "time,open,high,low,close,volume", "levels": "time,side,price,size"}
    imports.csv(shape, head[shape], *(f"{at},{rows[shape]}" for at in times))
    files = Manifest.load(imports.directory / STORE / shape).files.values()
    assert (sum(file.gaps for file in files), sum(file.lost for file in files)) == (1, lost)


def test_crossed_quotes_and_books_are_found(imports: Imports) -> None:
    """A book whose bid is over its ask is a feed's error, or an arbitrage that never was."""
    header = "time,bid_price,bid_size,ask_price,ask_size"
    report = imports.csv("quotes", header, f"{START_MS},10.00,1,10.01,1", f"{START_MS + 1},10.02,1,10.01,1").report
    assert [one.crossed for one in report.symbols] == [1]
    assert len(imports.rows("ticks", "price")) == 4
    levels = [
        "time,side,price,size",
        f"{START_MS},bid,10.00,1",
        f"{START_MS + 1},ask,9.99,1",
        f"{START_MS + 2},bid,10.00,0",
    ]
    report = imports.csv("levels", *levels, name="levels.csv").report
    assert [one.crossed for one in report.symbols] == [1]
    assert imports.rows("levels", "size", "detail", "flags") == [(1_000, 0, 1), (1_000, 0, 1), (0, 1_000, 1)]


def test_an_unsorted_file_is_read_in_the_order_of_time(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Binance's bookTicker archives have rows out of order; the history is in order, the report counts the steps."""
    monkeypatch.setattr(tables, "BLOCK", 1 << 14)
    head, *rows = trades(0, 4_000, step_ms=1)
    half = rows[2_000:] + rows[:2_000]
    result = imports.csv("trades", head, *half)
    assert [row[0] for row in imports.rows("ticks", "detail")] == list(range(4_000))
    assert result.report.symbols[0].steps_back == 1
    assert len(Manifest.load(imports.directory / STORE / "ticks").files) == 1


def test_unknown_symbols_are_refused_and_delisted_ones_are_kept(imports: Imports) -> None:
    """A universe without the dead is a survivor's: a symbol that ended is imported as every other, and named."""
    listing = Listing([parse("x:DEAD,price=0.1,size=1"), parse("x:LIVE,price=0.1,size=1")])
    day = 86_400_000
    lines = [f"{START_MS},1.0,1,buy,DEAD", *(f"{START_MS + n * day},1.0,1,buy,LIVE" for n in range(5))]
    report = imports.csv(
        "trades", "time,price,size,side,symbol", *lines, f"{START_MS},1,1,buy,LUNA", listing=listing
    ).report
    assert report.refused_by_reason == {"symbol LUNA is unknown": 1}
    assert report.kept == ["x:DEAD ends 4 days before the file: delisted?"]
    assert len(imports.rows("ticks", "price", symbol="DEAD")) == 1


def test_a_file_larger_than_the_bound_is_read_within_it(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of trades does not fit the memory: batches do."""
    monkeypatch.setattr(tables, "BLOCK", 1 << 14)
    held: list[int] = []
    ready = Stage.ready

    def watched(self: Stage, *, every: bool = False) -> object:
        held.append(sum(len(rows) for rows, _ in self._held))
        return ready(self, every=every)

    monkeypatch.setattr(Stage, "ready", watched)
    assert imports.csv("trades", *trades(0, 20_000, step_ms=1)).report.accepted == 20_000
    assert len(held) > 30
    assert max(held) < 1_000
