"""A replay as a user runs it: a configuration, `engine-ctl up`, live books in shared memory, and a clean end."""

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import shm
from engine.cli import main
from engine.cli.output import is_running
from engine.model.words import BookState
from tests.engine.answers import data_of
from tests.engine.feed.replay.test_replay import session, with_rest, write

ROOT = Path(__file__).resolve().parents[4]
PATIENCE_NS = 30 * 10**9


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name of its own in its own directories, all removed afterwards."""
    name = f"t{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("STEELYARD__SYSTEM__NAME", name)
    yield name
    if is_running(name):
        main(["down", "--system", name])
    for one in shm.names(name):
        with contextlib.suppress(FileNotFoundError):
            shm.remove(one)


def replay_config(monkeypatch: pytest.MonkeyPatch, path: Path, **values: str) -> str:
    """The configuration that is shipped, over another file."""
    monkeypatch.setenv("STEELYARD__FEED__REPLAY__FILES__BINANCE", json.dumps([str(path)]))
    for key, value in values.items():
        monkeypatch.setenv(f"STEELYARD__FEED__REPLAY__{key.upper()}", value)
    return str(ROOT / "configs" / "replay.toml")


def test_a_recording_comes_up_as_a_system_with_a_live_book(
    tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What works on a live system, a ladder or a notebook, works on yesterday: the lanes are the same."""
    path = write(tmp_path / "a.sycap", *with_rest(session()))
    assert main(["up", replay_config(monkeypatch, path)]) == 0
    books = shm.RingReader(f"{system}.books.feed", cursor=0)
    give_up_ns = time.monotonic_ns() + PATIENCE_NS
    while (row := books.read()) is None or row.state != BookState.GOOD:
        assert time.monotonic_ns() < give_up_ns, "no good book"
        if row is None:
            books.wait(PATIENCE_NS)
    capsys.readouterr()
    assert main(["book", "BTCUSDT", "--once", "--json", "--system", system]) == 0
    shown = data_of(capsys.readouterr().out)
    assert (shown["state"], shown["bids"][0][0], shown["asks"][0]) == ("GOOD", "100.00", ["101.00", "1"])
    main(["status", "--json", "--system", system])
    status = data_of(capsys.readouterr().out)
    assert (status["mode"], [one["name"] for one in status["processes"]]) == ("replay", ["feed"])


def test_the_end_of_the_recording_can_bring_the_system_down(
    tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of days is replayed by a script, and a supervisor must not start the first day again and again."""
    path = write(tmp_path / "a.sycap", *with_rest(session()))
    assert main(["up", replay_config(monkeypatch, path, speed='"max"', at_end="exit")]) in (0, 1)  # it may be over
    give_up_ns = time.monotonic_ns() + PATIENCE_NS
    while is_running(system):
        assert time.monotonic_ns() < give_up_ns, "still up"
    log = (tmp_path / "state" / system / "logs" / "feed.log").read_text()
    assert '"frames": 10' in log
    assert log.count('"event": "running"') == 1
