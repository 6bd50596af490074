"""`engine-ctl data import`: what an operator types, sees, and gets wrong."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine import log
from engine.cli import main
from engine.feed.instruments.instruments import save_instruments
from engine.recorder.locks import PARTS, STORE, lock
from engine.recorder.store.__main__ import main as seal
from engine.recorder.store.check import problems
from research import history
from tests.engine.recorder.conftest import BTC

START_MS = 1_700_000_000_000
STEPS = "binance:BTCUSDT,price=0.01,size=0.001"
TRADES = ("--format", "csv", "--data", "trades", "--columns", "time=ts,price=px,size=qty", "--instrument", STEPS)


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    """A CSV with columns of its own names."""
    path = tmp_path / "trades.csv"
    path.write_text("ts,px,qty,side\n" + "".join(f"{START_MS + n},30000.{n:02},0.5,buy\n" for n in range(20)))
    return path


def run(tmp_path: Path, *words: object) -> int:
    """Type it."""
    return main(["data", "import", *map(str, words), "--directory", str(tmp_path / "history")])


def test_a_file_is_imported_and_shown(tmp_path: Path, trades: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows, rate, and where the report is; the second time nothing changes."""
    assert run(tmp_path, trades, *TRADES) == 0
    shown = capsys.readouterr().out
    assert "20 rows read, 20 imported, 0 refused, 0 duplicates" in shown
    assert "rows/s" in shown
    assert Path(shown.split("report: ")[1].strip()).read_text().startswith("trades.csv  sha256 ")
    assert run(tmp_path, trades, *TRADES) == 0
    assert "the history has this file already: 20 rows; nothing changed" in capsys.readouterr().out
    assert main(["data", "check", "--directory", str(tmp_path / "history")]) == 0
    frame = history("ticks", "BTCUSDT", venue="binance", directory=tmp_path / "history").pandas()
    assert frame["price"].tolist() == [30000 + n / 100 for n in range(20)]


def test_json_has_the_report(tmp_path: Path, trades: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads counts, not sentences."""
    assert run(tmp_path, trades, *TRADES, "--json") == 0
    tree = json.loads(capsys.readouterr().out)["data"]
    assert (tree["known"], tree["report"]["accepted"], tree["report"]["refused"]) == (False, 20, 0)
    assert msgspec.json.decode(Path(tree["report_path"]).read_bytes()) == tree["report"]


def test_a_dry_run_shows_the_report_and_writes_nothing(
    tmp_path: Path, trades: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rules are in the report, so that a user can judge it."""
    assert run(tmp_path, trades, *TRADES, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "20 would be imported" in shown
    assert "rule outliers: " in shown
    assert not (tmp_path / "history").exists()


def test_sealing_leaves_a_history_that_is_imported_into_for_its_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import of an hour is no failure of the recorder: its parts wait."""
    monkeypatch.setattr(log, "begin", lambda _: None)  # the log of this process stays as it is
    (tmp_path / STORE).mkdir()
    held = lock(tmp_path / STORE)
    try:
        assert seal([str(tmp_path)]) == 0
    finally:
        os.close(held)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("no.csv", *TRADES), 1, "no.csv: no such file"),
        (("FILE", "--format", "csv"), 2, "--data: expected one of trades, quotes"),
        (("FILE", *TRADES[:4]), 1, "trades need the column 'time', found ts, px, qty, side: --columns time=NAME"),
        (("FILE", *TRADES[:4], "--columns", "time:ts"), 2, "expected ours=theirs, as time=ts,price=px"),
        (("FILE", *TRADES[:4], "--columns", "time=t"), 1, "no column 't', found ts, px, qty, side"),
        (("FILE", *TRADES[:6]), 1, "--instrument: found none, expected exactly one"),
        (("FILE", *TRADES[:6], "--instrument", "BTCUSDT"), 1, "expected venue:SYMBOL,price=0.01"),
        (("FILE", *TRADES[:6], "--instrument", "a:B,price=0,size=1"), 1, "price='0', expected a step as 0.01"),
        (("FILE", *TRADES, "--time-unit", "us"), 1, "is a time in milliseconds, expected microseconds"),
        (("FILE", "--format", "csv", "--data", "bars", "--interval", "1x"), 2, "expected a number and s, m, h, d or w"),
        (("FILE", "--format", "binance", "--data", "trades"), 2, "--data has no meaning with --format binance"),
        (("FILE", "--format", "binance"), 1, "the name is not one of Binance's archives"),
        (("FILE", "--format", "tardis"), 1, "is none of incremental_book_L2"),
        (("FILE", "--format", "lobster"), 1, "expected a message file with its orderbook file beside it"),
        (("FILE", "--format", "sql", "--data", "trades"), 1, "--query: expected a query"),
        (("FILE", "--format", "sql", "--data", "trades", "--query", "select 1"), 1, "expected a database of SQLite"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(
    tmp_path: Path, trades: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, text: str
) -> None:
    """An error names the file or option, what was found and what was expected."""
    assert run(tmp_path, *(str(trades) if word == "FILE" else word for word in words)) == code
    assert text in capsys.readouterr().err


def test_a_history_that_another_process_writes_is_left_alone(
    tmp_path: Path, trades: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recorder's child seals while an operator imports."""
    store = tmp_path / "history" / STORE
    store.mkdir(parents=True)
    held = lock(store)
    try:
        assert run(tmp_path, trades, *TRADES) == 1
    finally:
        os.close(held)
    assert "try again when it has ended" in capsys.readouterr().err


def test_the_instruments_of_a_system_are_known(tmp_path: Path, trades: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that the venue sent need not be typed."""
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    (tmp_path / "state" / "mine").mkdir(parents=True)
    (tmp_path / "state" / "mine" / "deaths.log").touch()
    save_instruments(str(tmp_path / "state" / "mine" / "instruments.binance.json"), [BTC], 0)
    words = [*TRADES[:6], "--instrument", "binance:BTCUSDT", "--system", "mine"]
    assert main(["data", "import", str(trades), *words]) == 0
    found = history("ticks", directory=tmp_path / "state" / "mine" / "history", floats=False).arrow()
    assert set(found.column("instrument").to_pylist()) == {BTC.id}


@pytest.mark.soak
def test_sigkill_at_any_moment_neither_loses_nor_doubles_a_row(tmp_path: Path) -> None:
    """Real processes, a real SIGKILL, moments drawn at random."""
    seed = int(os.environ.get("STEELYARD_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"STEELYARD_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance, count = random.Random(seed), 60_000
    path = tmp_path / "trades.csv"
    path.write_text("ts,px,qty,side\n" + "".join(f"{START_MS + n * 3_000},1.00,0.5,buy\n" for n in range(count)))
    directory = tmp_path / "history"
    words = [sys.executable, "-m", "engine.cli", "data", "import", str(path), *TRADES, "--directory", str(directory)]
    for _ in range(min(20, int(os.environ.get("STEELYARD_DEATHS", "1000")))):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5 + chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (directory / STORE / "ticks" / "manifest.jsonl").exists():
            assert len(history("ticks", directory=directory, columns=["price"]).arrow()) in (0, count)
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0
    assert len(history("ticks", directory=directory, columns=["price"]).arrow()) == count
    assert list(problems(directory / PARTS, directory / STORE)) == []
