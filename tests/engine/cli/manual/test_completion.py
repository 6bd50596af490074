"""A shell completes commands, options and the names of a running system."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import engine
from engine.cli import WRONG_USE, main
from engine.cli.manual.completion import script_for
from engine.cli.manual.definitions import commands
from engine.cli.manual.names import KINDS
from engine.cli.parser import VALUE_KINDS
from engine.config import Config
from engine.supervisor import segments

Write = Callable[..., Config]
BASH = """\
source {script}
COMP_WORDS=({words}) COMP_CWORD={last}
_engine_ctl engine-ctl {word}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """\
compdef() {{ }}
compadd() {{ shift; print -rl -- $@ }}
source {script}
words=({words}) CURRENT={last}+1
_engine_ctl
"""
FISH = "source {script}; complete -C {line}"
DEADLINE_S = 30.0


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path of the shell, with engine-ctl of this tree and each shell's script."""
    file = tmp_path / "engine-ctl"
    root = Path(engine.__file__).parents[1]
    file.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} -m engine.cli "$@"\n')
    file.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        (tmp_path / f"script.{shell}").write_text(script_for(shell))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def complete(program: Path, shell: str, *words: str) -> set[str]:
    """What a shell proposes for the last of these words; all of them, where a shell filters them itself."""
    every = ["engine-ctl", *words]
    form = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell]
    text = form.format(
        script=program / f"script.{shell}", words=shlex.join(every), last=len(words), word=shlex.quote(words[-1]),
        line=shlex.quote(shlex.join(every[:-1]) + " " + words[-1]),
    )  # fmt: skip
    plain = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run([shell, *plain, "-c", text], cwd=program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    found = {line.partition("\t")[0] for line in done.stdout.splitlines() if line}
    return {name for name in found if name.startswith(words[-1])}


SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed"))
    for shell in ("bash", "zsh", "fish")
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["stat"], {"status"}),
        (["shm", ""], {"ls", "stat", "tail"}),
        (["shm", "tail", "--fol"], {"--follow"}),
        (["config", "show", "--ch"], {"--changed"}),
        (["capture", "check", "--venue", "kraken"], {"kraken", "kraken-level3"}),
        (["ticks", "--kind", ""], {"print", "best"}),
        (["status", "--system", "demo", "--js"], {"--json"}),
        (["down", "--timeout", ""], set()),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
    ids=lambda words: " ".join(sorted(words)),
)
def test_a_shell_completes_what_the_parser_knows(
    program: Path, shell: str, words: list[str], expected: set[str]
) -> None:
    """An operator under pressure does not read the help first."""
    assert complete(program, shell, *words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_the_names_of_a_running_system(
    program: Path, write: Write, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are read from shared memory: no process of the system is asked."""
    config = write()
    segments.create(config)
    monkeypatch.setenv("STEELYARD_SYSTEM", config.system.name)
    assert {"alpha", "beta"} <= complete(program, shell, "restart", "")
    assert {"heartbeat.alpha", "heartbeat.beta"} <= complete(program, shell, "shm", "tail", "heartbeat.")
    assert complete(program, shell, "status", "--system", config.system.name[:6]) == {config.system.name}


def test_the_tab_key_completes_in_an_interactive_bash(program: Path) -> None:
    """The function is right only if bash itself calls it."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "TERM": "dumb"})  # noqa: S606, S607 - bash
    try:
        os.write(terminal, f"source {program / 'script.bash'}; echo read''y\n".encode())
        assert "ready" in _read_until(terminal, "ready")
        os.write(terminal, b"engine-ctl cancel-a\t--strat\t")
        assert "engine-ctl cancel-all --strategy " in _read_until(terminal, "--strategy ")
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def _read_until(terminal: int, text: str) -> str:
    """What the terminal shows, until it shows this text."""
    shown, deadline = "", time.monotonic() + DEADLINE_S
    while text not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            with suppress(OSError):
                shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


def test_files_and_directories_are_completed_as_such(program: Path) -> None:
    """CONFIG is a file, DIRECTORY a directory."""
    (program / "inner").mkdir()
    (program / "inner.toml").touch()
    assert complete(program, "bash", "up", "inn") == {"inner", "inner.toml"}
    assert complete(program, "bash", "init", "inn") == {"inner"}


def test_every_kind_of_name_is_known_to_both_sides() -> None:
    """A kind that the script asks for and the command refuses completes nothing, silently."""
    assert set(VALUE_KINDS) == set(KINDS)
    used = {one.values for command in commands() for one in (*command.options, *command.arguments)}
    assert used - {"", "files", "directories"} <= set(KINDS)


def test_without_a_system_there_are_no_names_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A shell would print the error into the line that is being typed."""
    for kind in KINDS:
        assert main(["completion", "--values", kind, "--system", "no_such"]) == 0
    assert main(["completion"]) == WRONG_USE
    assert "expected bash, zsh or fish" in capsys.readouterr().err
