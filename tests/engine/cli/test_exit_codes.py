"""Exit codes, usage and errors: one rule for all commands."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.parser import make_parser
from engine.supervisor import segments
from tests.engine.answers import error_of
from tests.engine.typed import Typed, Write

SYSTEM_COMMANDS = (
    "down", "status", "halt", "resume", "flatten", "cancel 7", "cancel-all",
    "restart feed", "orders", "positions", "balances", "monitor", "reconcile", "journal", "fills",
    "kill feed", "profile feed", "reload", "set", "strategy", "latency", "trace 7",
    "paths", "log", "book BTCUSDT", "ticks", "across", "view", "top",
    "autopsy", "shm ls", "shm stat ticks", "shm tail ticks",
    "config show", "alert test", "deaths", "strategy list", "set maker size=1", "data ls", "data check", "data prune",
    "data backfill --venue a --symbol b --from c --to d --kind trades",
    "data import x.csv --format csv",
    "report --capital 1",
)  # fmt: skip


FILE_COMMANDS = (
    "up no.toml",
    "check no.toml",
    "init /",
    "config show no.toml",
    "completion",
    "preflight no.toml",
    "parity /",
)


def test_importing_it_loads_nothing_heavy() -> None:
    """An operator in an emergency needs `--help` without a delay of a second."""
    code = "import sys, engine.cli; print([m for m in ('numpy','rich','msgspec','shm','orjson') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_table_of_commands_below_has_every_one() -> None:
    """A command that is forgotten there would have exit codes of its own."""
    (commands,) = (one for one in make_parser()._actions if isinstance(one, argparse._SubParsersAction))
    found = {line.split()[0] for line in (*SYSTEM_COMMANDS, *FILE_COMMANDS)}
    assert found | {"ls", "capture", "man"} == set(commands.choices)


@pytest.mark.parametrize("line", [*SYSTEM_COMMANDS, *FILE_COMMANDS, "ls", "man", "capture check x", "capture record"])
def test_a_wrong_option_is_wrong_use_and_shows_the_usage_of_its_own_command(
    capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """The usage of the whole program names neither the option that is meant nor the ones there are."""
    assert main([*line.split(), "--nope"]) == 2
    command = " ".join(line.split()[: 2 if line.startswith(("shm", "capture", "config", "alert", "data")) else 1])
    assert f"usage: engine-ctl {command} [-h]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((f"{line} --system nobody-has-this-name", 3) for line in SYSTEM_COMMANDS),
        *((line, 2) for line in FILE_COMMANDS),
        ("ls", 0),
        ("man", 0),
    ],
)
def test_an_exit_code_means_the_same_for_every_command(typed: Typed, line: str, code: int) -> None:
    """A script needs one rule for all commands: 3 is not found, 2 is a wrong file."""
    printed = typed(*line.split(), code=code)
    assert len(printed.splitlines()) == 1 or code == 0, "what is wrong is one line"


@pytest.mark.parametrize(
    ("line", "command", "code"),
    [
        ("status --system nobody-has-this-name", "status", 3),
        ("shm tail orders --system nobody-has-this-name", "shm tail", 3),
        ("check no.toml", "check", 2),
        ("shm tail --nope", "shm tail", 2),
        ("capture record --system nobody-has-this-name", "capture record", 3),
        ("capture check no.raw --venue binance", "capture check", 2),
        ("capture check no.raw", "capture check", 2),
    ],
)
def test_an_error_has_the_shape_of_every_json_line(
    capsys: pytest.CaptureFixture[str], line: str, command: str, code: int
) -> None:
    """A script reads one shape, and a person the same text on stderr."""
    assert main([*line.split(), "--json"]) == code
    out, err = capsys.readouterr()
    error = error_of(out)
    assert (json.loads(out)["command"], error["code"]) == (command, code)
    assert error["text"] in err


def test_wrong_use_is_one_clear_line(typed: Typed, write: Write, system: str) -> None:
    """No traceback for a typo, and the line names what there is."""
    assert "no system 'nobody', found" in typed("status", "--system", "nobody", code=3)
    config = write()
    segments.create(config)
    assert "no lane 'tocks'" in typed("shm", "tail", "tocks", "--system", system, code=3)
    assert f"no process of {system} runs" in typed("halt", "--system", system, code=3)
    assert "cannot be read" in typed("up", "none.toml", code=2)
    assert "invalid choice: 'sing'" in typed("sing", code=2)


@pytest.mark.parametrize("words", [["capture", "check", "{file}", "--venue", "binance", "--json"], ["shm", "ls"]])
def test_a_closed_output_is_no_error(tmp_path: Path, words: list[str]) -> None:
    """`| head` must not end in a trace or in exit 120, whichever part of the tool was asked."""
    file = tmp_path / "a.ndjson"
    file.write_bytes(b'{"lastUpdateId":5,"bids":[["1.10","2"]],"asks":[["1.20","2"]],"symbol":"AB"}\n')
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "engine.cli", *(word.format(file=file) for word in words)]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("words", [["check", "{file}", "--json"], ["shm", "ls"], ["--version"]])
@pytest.mark.parametrize("buffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_one_line(write: Write, words: list[str], buffered: str) -> None:
    """A full disk is no bug of the command: it prints one line instead of a traceback, and fails."""
    command = [sys.executable, "-m", "engine.cli", *(word.format(file=write().path) for word in words)]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": buffered},
        )  # fmt: skip
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert b"the output cannot be written: No space left on device" in ended.stderr


@pytest.mark.parametrize(
    "words", [("up", "x.toml", "--timeout"), ("down", "--timeout"), ("shm", "stat", "x", "--seconds")]
)
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "soon"])
def test_a_duration_without_an_end_is_wrong_use(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], value: str
) -> None:
    """`up --timeout nan` started a trading system and reported that it had not."""
    assert main([*words, value]) == 2
    assert f"expected a number of seconds of at least 0, was '{value}'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "check"])
def test_a_file_names_its_system_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """An option that is accepted and ignored starts another system than the operator typed."""
    assert main([command, "x.toml", "--system", "other"]) == 2
    assert "--system" in capsys.readouterr().err
