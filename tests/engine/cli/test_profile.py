"""`engine-ctl profile` of a running process: the file, the memory, the audit, and why it cannot attach."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.cli import profile
from engine.config import Config
from tests.engine.typed import PLACED, Typed

Write = Callable[..., Config]


@pytest.fixture
def running(typed: Typed, write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """A system of small roles."""
    monkeypatch.setattr(profile, "_keep_away", lambda _: None)  # the test's own process keeps its priority
    monkeypatch.setenv("STEELYARD__ROLES__EXECUTION", "tiny_role:build")
    config = write(PLACED)
    typed("up", config.path)
    yield config
    typed("down", "--system", config.system.name)


def test_a_process_is_profiled_while_it_runs_and_the_audit_has_it(
    typed: Typed, running: Config, tmp_path: Path
) -> None:
    """It must not be restarted for it: what is slow now is gone after a restart."""
    of = ("--system", running.system.name)
    before = {one["name"]: one["pid"] for one in typed.tree("status", *of)["processes"]}
    words = ("profile", "beta", "--seconds", "1", "--format", "speedscope", "--output", str(tmp_path / "a.json"), *of)
    tree = typed.tree(*words)
    assert (tree["process"], tree["pid"], tree["pauses"]) == ("core", before["core"], False)
    assert tree["memory_after"]["rss"] >= tree["memory_after"]["pss"] > 1 << 20
    assert tree["profiler_cpu_s"] > 0
    assert "profiles" in json.loads((tmp_path / "a.json").read_bytes())
    assert {one["name"]: one["pid"] for one in typed.tree("status", *of)["processes"]} == before
    audited = [json.loads(line) for line in running.paths.audit.read_text().splitlines()]
    assert [one["arguments"] for one in audited if one["command"] == "profile"] == [{"process": "core"}]
    assert "expected a new file" in typed(*words, code=2)
    assert "no process or role 'gamma', expected one of alpha, core" in typed("profile", "gamma", *of, code=2)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (1, "Error: Permission denied (os error 13)\n", "kernel.yama.ptrace_scope=0"),
        (1, "Error: Failed to find a python library\n", "py-spy failed: Failed to find a python library"),
        (3, "", "py-spy failed: exit code 3"),
    ],
)
def test_a_profiler_that_cannot_attach_is_one_line_with_what_to_do(
    tmp_path: Path, code: int, text: str, expected: str
) -> None:
    """A user of a hardened machine needs the setting, not the number of an error."""
    program = tmp_path / "py-spy"
    program.write_text(f"#!/bin/sh\nprintf '{text}' >&2\nexit {code}\n")
    program.chmod(0o755)
    with pytest.raises(profile.CommandError, match=expected):
        profile._record([str(program)])


def test_a_process_that_is_idle_at_every_sample_is_shown_where_it_waits(tmp_path: Path) -> None:
    """A quiet role has a profile too; an error would read as if it could not be attached to."""
    program = tmp_path / "py-spy"
    program.write_text(f'#!/bin/sh\ncase "$*" in *--idle) exit 0;; esac\necho "ERROR {profile.IDLE}" >&2\nexit 1\n')
    program.chmod(0o755)
    profile._record([str(program), "record"])


def test_a_missing_profiler_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """py-spy is an extra, and most systems do not have it."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(profile.CommandError, match=r"pip install 'steelyard\[profile\]'"):
        profile._program()
