"""Every command while the engine is busy: it is answered within its deadline, and none is lost.

The demo trades at a high rate, busy processes take the processors from it, and commands come from several processes at
once. CI runs a bounded share, `make soak` the rest, with the commands that take seconds by themselves.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main, profile
from engine.control import Refused, Unreachable, call
from engine.supervisor.commands import COMMANDS
from tests.engine.alerts.endpoints import Endpoint
from tests.engine.answers import rows_of
from tests.engine.floor import Floor
from tests.tidy.test_control_document import LEAVES, ROWS, WITHOUT_JSON

Capture = pytest.CaptureFixture[str]
BUSY = 2  # processes that only compute
CALLERS, CALLS = 4, 16  # processes that send commands at once, below the rate that one connection may send
ANSWER_S = 10.0  # the deadline of a command to the socket; commands that wait for roles have their own
COMMAND_S = 60.0  # of a command of engine-ctl, the start of processes included
LINES = (
    "check {file}", "config show {file}", "ls", "status", "orders", "positions", "monitor", "latency", "trace {order}",
    "journal",
    "balances", "reconcile", "fills", "paths", "log -n 5", "deaths", "book BTCUSDT --once", "ticks -n 3",
    "across --once", "autopsy", "shm ls",
    "shm stat ticks --seconds 0", "shm tail orders -n 3", "set", "set maker.half_width_steps 3",
    "set risk.max_spread_bps 60", "set --drop maker.half_width_steps", "strategy list", "strategy disable taker",
    "strategy enable taker", "reload", "cancel-all", "halt", "resume", "restart taker", "kill aggregation",
    "profile feed --seconds 1 --output {new}.svg", "cancel --strategy maker", "init {new}",
    "alert test --config {alerts}", "completion bash", "man",
    "data seal", "data ls", "data check", "data prune --before 2001-01-01 --dry-run",
    "data import {csv} --format csv --data trades --instrument house:ABC,price=0.01,size=0.001",
    "data backfill --venue binance --symbol BTCUSDT --from {yesterday} --to {today} --kind trades",
    "report --capital 100000 --out {new}", "parity {system}",
)  # fmt: skip
LONG = (
    "view --once", "top --once", "preflight {file}",
    "capture record --seconds 2 --output {new}.sycap", "capture check {before}.sycap --venue binance",
    "flatten", "resume", "down --timeout 60", "up {file}",
)  # fmt: skip
SHAPES = {row[0]: row[3] for row in ROWS}  # by command: one object, or rows
LISTS = {"set", "strategy list"}  # of a command with the shape of one object: without values it prints rows
SAYS_BEFORE = {"set", "strategy", "reload", "resume", "restart", "kill"}
# of these, exit 1 is a finding, and no failure to answer
REPORTS = {"status", "halt", "autopsy", "preflight", "capture check", "report", "parity"}
ALERTS = """
[system]
name = "{name}"
mode = "replay"
[roles]
alpha = "tiny_role:build"
[alerts]
[[alerts.targets]]
name = "phone"
kind = "webhook"
url = {{ env = "HOOK" }}
"""


@contextmanager
def busy() -> Iterator[None]:
    """Other processes compute as fast as they can."""
    context = multiprocessing.get_context("fork")
    found = [context.Process(target=_compute, daemon=True) for _ in range(BUSY)]
    for one in found:
        one.start()
    try:
        yield
    finally:
        for one in found:
            one.kill()
            one.join()


def _compute() -> None:
    os.nice(5)
    while True:
        sum(range(10_000))


def loaded(floor: Callable[..., Floor]) -> Floor:
    """The demo with quotes that follow every book."""
    house = floor(
        **{
            "max_order_rate_per_min = 3000": "max_order_rate_per_min = 60000",
            "reprice_steps = 2": "reprice_steps = 1",
            "half_width_steps = 2": "half_width_steps = 1",
            "[monitor]": "[recorder]\npart_seconds = 1\n[monitor]",
        },
    )
    house.up()
    assert house.trades()
    return house


@pytest.fixture
def alerts(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system's file with one webhook, which answers."""
    endpoint, file = Endpoint(), tmp_path / "alerts.toml"
    monkeypatch.setenv("HOOK", endpoint.url)
    file.write_text(ALERTS.format(name=f"{system}a"))
    yield file
    endpoint.close()


def test_the_list_of_commands_has_every_one() -> None:
    """A command that others add is tested under load too."""
    assert set(map(command_of, LINES + LONG)) == set(LEAVES)


def command_of(line: str) -> str:
    """The words of the command in a line."""
    return max((name for name in LEAVES if line.startswith(name)), key=len)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("lines", [LINES, pytest.param((LINES + LONG) * 20, marks=pytest.mark.soak)], ids=len)
def test_every_command_is_answered_while_the_engine_is_busy(
    floor: Callable[..., Floor], alerts: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
) -> None:
    """An operator needs the command most when the machine is at its limit."""
    monkeypatch.setattr(profile, "_keep_away", lambda _: None)  # it lowers the priority of its process, here the tests
    house = loaded(floor)
    csv = house.paths.state / "trades.csv"
    csv.write_text("time,price,size,side,id\n1700000000000,1.25,0.5,buy,1\n")
    today = datetime.now(UTC).date()
    fixed = {"csv": csv, "today": today, "yesterday": today - timedelta(1), "system": house.system}
    fixed["order"] = house.truth()[-1]["client_id"]
    with busy():
        for number, line in enumerate(lines):
            name, place = command_of(line), house.paths.state / "n"
            places = {"new": f"{place}{number}", "before": f"{place}{number - 1}"}
            words = line.format(file=house.file, alerts=alerts, **places, **fixed).split()
            capfd.readouterr()
            begin_s = time.monotonic()
            code = engine_ctl(house, name, *words)
            taken_s = time.monotonic() - begin_s
            found = capfd.readouterr()
            assert taken_s < COMMAND_S, f"{line}: {taken_s:.1f} s"
            assert code == 0 or (name in REPORTS and code == 1), f"{line}: {code}: {found.err}{found.out}"
            trees = rows_of(found.out) if name not in WITHOUT_JSON else [found.out]
            assert trees or SHAPES[name] != "one" or line in LISTS, line
            if name in SAYS_BEFORE and len(words) > 1:
                assert says_before(trees[0]), f"{line}: {found.out}"
    assert house.trades()


def engine_ctl(house: Floor, name: str, *words: str) -> int:
    """A command as an operator types it, of this system where it has that option."""
    of = ("--system", house.system) if has_option(name, "--system") and "--config" not in words else ()
    return main([*words, *of, *["--json"] * has_option(name, "--json")])


def has_option(name: str, option: str) -> bool:
    """Whether a command has this option."""
    return option in LEAVES[name]._option_string_actions


def says_before(tree: Any) -> bool:
    """Whether a document of a change has what was before it, and lists are not empty."""
    if isinstance(tree, list):
        return any(map(says_before, tree))
    return isinstance(tree, dict) and (
        bool({"before", "was_halted", "differences", "enabled"} & set(tree)) or any(map(says_before, tree.values()))
    )


@pytest.mark.timeout(300)
def test_no_command_of_several_operators_at_once_is_lost(floor: Callable[..., Floor]) -> None:
    """Each is answered exactly once, within its deadline, and each that changes something is in the audit."""
    house = loaded(floor)
    context = multiprocessing.get_context("fork")
    with busy(), context.Pool(CALLERS) as pool:
        found = pool.starmap(_send_many, [(house.paths.control, number) for number in range(CALLERS)])
    slowest_s = max(taken_s for _, taken_s in found)
    print(f"slowest answer {slowest_s * 1000:.0f} ms")  # noqa: T201 - a figure for the log
    assert sum(count for count, _ in found) == CALLERS * CALLS
    assert slowest_s < ANSWER_S
    lines = [json.loads(line) for line in house.paths.audit.read_text().splitlines()]
    assert sum(one["command"] == "set" and one["answer"]["ok"] for one in lines) == CALLERS * CALLS // 2
    settings = house.status()["settings"]["risk"]
    assert settings["version"] == CALLERS * CALLS // 2


def _send_many(control: Path, number: int) -> tuple[int, float]:
    """Send commands one after the other; how many were answered, and the longest time that one took."""
    count, slowest_s = 0, 0.0
    for turn in range(CALLS):
        begin_s = time.monotonic()
        try:
            if turn % 2:
                call(control, "set", ANSWER_S, owner="risk", values={"max_spread_bps": 50 + number})
            else:
                call(control, "status", ANSWER_S)
            count += 1
        except (Unreachable, Refused):
            pass
        slowest_s = max(slowest_s, time.monotonic() - begin_s)
    return count, slowest_s


def test_the_commands_under_load_include_every_one_of_the_supervisor() -> None:
    """The registry may grow without the parser's knowledge of a further word."""
    sent = {line.split()[0] for line in LINES + LONG}
    assert {name.replace("_", "-") for name in COMMANDS} <= sent
