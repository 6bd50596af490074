"""Histories in files: what is read, and how a wrong file is refused."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.risk.history import read_history
from engine.risk.history.files import BATCH
from engine.risk.history.followed import LINES, LOOK_NS, FollowedReturns
from engine.risk.history.returns import DAY_NS, UNIT, returns_by_day
from tests.engine.risk.test_gate import BTC, ETHBTC, NOW_NS

DAY_MS = 86_400_000
HEAD = "time_ms,symbol,close\n"
KNOWN = (BTC, ETHBTC)


def csv_file(directory: Path, text: str, name: str = "history.csv") -> str:
    """A file with this text."""
    (directory / name).write_text(text)
    return str(directory / name)


def daily(*closes: object, symbol: str = "BTCUSDT", first: int = 0) -> str:
    """Lines of one bar a day."""
    return "".join(f"{(first + day) * DAY_MS},{symbol},{close}\n" for day, close in enumerate(closes))


def test_bars_are_found_by_instrument_and_time(tmp_path: Path) -> None:
    """A volume profile and a value at risk read the same protocol."""
    history = read_history(csv_file(tmp_path, HEAD + daily(1, 2, 3) + daily(9, symbol="OTHER")), KNOWN, "close")
    assert [one.close for one in history.bars(1, DAY_NS, 2 * DAY_NS)] == [2]
    assert [one.close for one in history.bars(1, 0, 1 << 62)] == [1, 2, 3]
    assert (history.bars(2, 0, 1 << 62), history.bars(7, 0, 1 << 62)) == ([], [])


def test_columns_may_be_in_any_order_with_others_between(tmp_path: Path) -> None:
    """An export of another program is read without a conversion."""
    path = csv_file(tmp_path, "symbol,open,close,time_ms\nBTCUSDT,x,60000.25,5\n")
    (bar,) = read_history(path, KNOWN, "close").bars(1, 0, 1 << 62)
    assert (bar.start_ns, str(bar.close)) == (5_000_000, "60000.25")


def test_a_parquet_file_is_read_as_the_csv_file_is(tmp_path: Path) -> None:
    """Research writes Parquet."""
    closes = [100 + one for one in range(BATCH + 5)]
    times = [day * DAY_MS for day in range(len(closes))]
    table = pa.table({"symbol": ["BTCUSDT"] * len(closes), "time_ms": times, "close": list(map(float, closes))})
    pq.write_table(table, tmp_path / "history.parquet")
    found = read_history(str(tmp_path / "history.parquet"), KNOWN, "close").bars(1, 0, 1 << 62)
    assert [int(one.close) for one in found] == closes


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "the first line is '', expected the columns time_ms, symbol and close"),
        ("time_ms,symbol,volume\n", "the first line is 'time_ms,symbol,volume', expected the columns"),
        ("time_ms,symbol,close,close\n", "each once"),
        (HEAD + "1,BTCUSDT,1\nx,BTCUSDT,1\n", "line 3 is 'x,BTCUSDT,1', expected a time_ms in ms since 1970"),
        (HEAD + "1,BTCUSDT,nan\n", "line 2.*a close over 0"),
        (HEAD + "1,BTCUSDT,0\n", "line 2.*a close over 0"),
        (HEAD + "1,BTCUSDT,-1\n", "line 2"),
        (HEAD + "1,BTCUSDT\n", "line 2"),
        (HEAD + "-1,BTCUSDT,1\n", "line 2"),
        (HEAD + "99999999999999999,BTCUSDT,1\n", "line 2"),
        (HEAD + daily(1, 2) + daily(2, first=1), "line 4 has time_ms 86400000 of BTCUSDT, expected one after 86400000"),
    ],
)
def test_a_wrong_file_is_refused_by_its_line(tmp_path: Path, text: str, error: str) -> None:
    """A price that is left out silently would lower the value at risk."""
    with pytest.raises(ValueError, match=error):
        read_history(csv_file(tmp_path, text), KNOWN, "close")


@pytest.mark.parametrize("name", ["history.csv", "history.parquet"])
def test_a_file_that_is_missing_or_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    """Both are the mistake of a path."""
    with pytest.raises(ValueError, match=r"cannot be read .*expected a CSV or Parquet file"):
        read_history(str(tmp_path / name), KNOWN, "close")
    (tmp_path / name).write_bytes(b"PAR1\xff\x00\n")
    with pytest.raises(ValueError, match=name):
        read_history(str(tmp_path / name), KNOWN, "close")


def test_a_parquet_row_that_is_empty_is_refused(tmp_path: Path) -> None:
    """A null is no price."""
    pq.write_table(pa.table({"symbol": ["BTCUSDT"], "time_ms": [1], "close": [None]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a.parquet: row 1 is 'BTCUSDT,1,None'"):
        read_history(str(tmp_path / "a.parquet"), KNOWN, "close")


def test_a_return_follows_a_day_with_a_close_and_a_missing_day_gives_none(tmp_path: Path) -> None:
    """A move of two days is no move of one."""
    text = HEAD + daily(100, 110) + daily(121, 110, first=3)
    history = read_history(csv_file(tmp_path, text), KNOWN, "close")
    assert returns_by_day(history, 1) == {1: UNIT // 10, 4: -UNIT // 11}, "rounded down, so a loss is not too small"


def test_a_changed_file_is_read_in_parts_and_a_wrong_one_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is replaced each night must neither hold orders up nor take the limit away."""
    path, days = csv_file(tmp_path, HEAD + daily(100, 110)), 3 * LINES
    returns, now_ns = FollowedReturns(path, KNOWN), NOW_NS

    def found() -> tuple[int, ...]:
        return returns.scenarios((1,), days + 1, days + 1).days

    returns.step(now_ns)
    assert found() == (1,)
    os.replace(csv_file(tmp_path, HEAD + daily(*range(1, days + 1)), "next.csv"), path)
    returns.step(now_ns + LOOK_NS - 1)
    returns.step(now_ns + LOOK_NS)
    for _ in range(3):
        returns.step(now_ns + LOOK_NS)
        assert found() == (1,), "not before the last line was read"
    for _ in range(len(KNOWN) + 1):
        returns.step(now_ns + LOOK_NS)
    assert len(found()) == days - 1
    os.replace(csv_file(tmp_path, HEAD + "1,BTCUSDT,nan\n", "next.csv"), path)
    os.utime(path, ns=(1, 1))
    for step in range(5):
        returns.step(now_ns + 2 * LOOK_NS + step)
    assert len(found()) == days - 1
    assert [one.getMessage() for one in caplog.records] == [
        "the changed history is wrong, the one before is in force"
    ], "once, not at each look"
