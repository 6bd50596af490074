"""A recorded live system and its replay, as a user runs both: the replayed strategy's intents are on their lane."""

import contextlib
import select
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.cli import main
from engine.cli.output import is_running
from engine.model.words import TickKind
from tests.engine.answers import data_of
from tests.engine.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0
ENOUGH = 40  # intents of the live run
MARKET = """
[[venues]]
name = "binance"
kind = "binance"
{address}
[[instruments]]
id = 1
venue = "binance"
symbol = "BTCUSDT"
[[strategies]]
name = "echo"
id = 1
class = "tests.engine.strategy.echo:Echo"
instruments = [1]
"""
ADDRESS = """stream_url = "ws://127.0.0.1:{port}"
request_url = "http://127.0.0.1:{port}"
order_url = "ws://127.0.0.1:{port}/ws-api/v3"
api_key = {{ env = "STEELYARD_LOOPBACK_KEY" }}
private_key = {{ file = "{{state}}/demo.pem" }}"""
LIVE = """
[[processes]]
name = "venue"
command = ["{{python}}", "-m", "engine.loopback.server", "--port", "{port}", "--config", "{root}/configs/venue.toml",
    "--truth", "{{state}}/truth.log", "--ed25519", "{{state}}/demo.pem"]
ready_line = true
[[processes]]
name = "recorder"
command = ["{{python}}", "-m", "engine.feed.capture", "record", "--system", "{name}", "--output", "{file}"]
[[processes]]
name = "feed"
roles = ["feed"]
[[processes]]
name = "execution"
roles = ["execution"]
environment = {{ STEELYARD_LOOPBACK_KEY = "SteelyardLoopbackEngineKey00000000000000000000000000000000000000" }}
[[processes]]
name = "echo"
roles = ["echo"]
"""
REPLAY = """
[feed]
source = "replay"
[feed.replay]
speed = "max"
[feed.replay.files]
binance = ["{file}"]
"""


def until(what: Callable[[], Any], text: str) -> Any:
    """Wait for a condition by a short poll on nothing, with a deadline."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < give_up, text
        select.select([], [], [], 0.01)
    return found


@pytest.fixture
def bring_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Bring a system up from its tables; whatever is up at the end goes down."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    names = []

    def up(mode: str, tables: str) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        names.append(name)
        file = tmp_path / f"{name}.toml"
        file.write_text(f'[system]\nname = "{name}"\nmode = "{mode}"\n' + tables.replace("{name}", name))
        assert main(["up", str(file)]) == 0
        return name

    yield up
    for name in names:
        if is_running(name):
            main(["down", "--system", name])
        for one in shm.names(name):
            with contextlib.suppress(FileNotFoundError):
                shm.remove(one)


def intents_of(system: str) -> list[tuple[int, ...]]:
    """The strategy's intents, each with the time of the print that it follows from."""
    ring = shm.RingReader(f"{system}.intents.echo.execution", cursor=0)
    return [(row.receive_ns, row.kind, row.instrument, row.side, row.size, row.price) for row in ring.rows()]


def common(ours: list[tuple[int, ...]], theirs: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Those of ours that follow from prints which both runs have whole: each began and ended at its own moment."""
    first, last = max(ours[0][0], theirs[0][0]), min(ours[-1][0], theirs[-1][0])
    return [one for one in ours if first < one[0] < last]


def test_a_replay_writes_the_intents_of_the_live_run(
    tmp_path: Path, bring_up: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A strategy is judged by replaying yesterday: one whose every call is refused shows nothing."""
    port, file = free_port(), tmp_path / "day.sycap"
    live = bring_up(
        "paper",
        MARKET.replace("{address}", ADDRESS.format(port=port))
        + LIVE.format(port=port, root=ROOT, name="{name}", file=file),
    )
    traded = until(lambda: (rows := intents_of(live)) and len(rows) >= ENOUGH and rows, "the live run sent no intents")
    until(lambda: file.is_file() and file.stat().st_size, "nothing is recorded")
    traded = intents_of(live)
    assert main(["down", "--system", live]) == 0

    replayed = bring_up("replay", MARKET.replace("{address}", "") + REPLAY.format(file=file))
    log = tmp_path / "state" / replayed / "logs" / "feed.log"
    prints = until(
        lambda: '"feed.binance: replayed"' in log.read_text() and prints_of(replayed), "no end of the replay"
    )
    again = until(lambda: len(rows := intents_of(replayed)) == prints and rows, "not every print was answered")
    assert len(common(traded, again)) > ENOUGH // 2
    assert common(again, traded) == common(traded, again)

    capsys.readouterr()
    main(["status", "--json", "--system", replayed])
    assert [one["name"] for one in data_of(capsys.readouterr().out)["processes"]] == ["feed", "echo"]
    for lane in ("verdicts", "orders", "journal"):
        assert shm.RingReader(f"{replayed}.{lane}.execution").end == 0, "nothing in a replay may answer an intent"


def prints_of(system: str) -> int:
    """How many trades between others the feed published."""
    return sum(row.kind == TickKind.PRINT for row in shm.RingReader(f"{system}.ticks.feed", cursor=0).rows())
