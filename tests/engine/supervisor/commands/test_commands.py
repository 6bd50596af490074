"""The operator's commands: checked before they are carried out, and added by one function."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.cli import main as engine_ctl
from engine.config import Config
from engine.control import Refused, call
from engine.supervisor.commands import COMMANDS
from tests.engine.answers import data_of

ADDED = """\
import sys
if "engine.supervisor" in " ".join(sys.orig_argv):
    import tests.engine.supervisor.commands.added_command
"""


@pytest.fixture
def added() -> Iterator[None]:
    """Register the command in this process, for engine-ctl."""
    importlib.import_module("tests.engine.supervisor.commands.added_command")
    yield
    del COMMANDS["tally"], sys.modules["tests.engine.supervisor.commands.added_command"]


@pytest.mark.usefixtures("added")
def test_a_command_is_added_by_one_function(
    write: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The supervisor's process carries it out, engine-ctl offers it with its options, and the audit has its line."""
    (tmp_path / "sitecustomize.py").write_text(ADDED)
    config = write()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    try:
        assert engine_ctl(["up", config.path, "--timeout", "60"]) == 0
        capfd.readouterr()
        assert engine_ctl(["tally", "alpha", "--at-least", "2", "--json"]) == 0
        answer = data_of(capfd.readouterr().out)
        assert answer == {"living": 2, "enough": True, "of": "alpha", "asked_by": os.getpid()}
        assert engine_ctl(["tally", "alpha", "--at-least", "3"]) == 0
        assert "enough: False" in capfd.readouterr().out
        assert engine_ctl(["tally", "gamma"]) == 1
        assert "unknown process 'gamma', expected one of alpha, beta" in capfd.readouterr().err
        with pytest.raises(Refused, match="unknown argument 'nearly', expected at_least, of"):
            call(config.paths.control, "tally", nearly=3)
        with pytest.raises(Refused, match="at_least must be a number, was 'two'"):
            call(config.paths.control, "tally", at_least="two", of="alpha")
        assert '"tally"' in config.paths.audit.read_text()
    finally:
        engine_ctl(["down", "--timeout", "30"])


def test_engine_ctl_offers_every_command_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator at three in the morning does not find a command that only the socket has."""
    for name, one in COMMANDS.items():
        with pytest.raises(SystemExit, match="0"):
            engine_ctl([name.replace("_", "-"), "--help"])
        text = " ".join(capsys.readouterr().out.split())
        assert one.text[1:] in text
        for argument in one.arguments:
            assert argument.text in text
