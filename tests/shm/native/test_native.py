"""The header itself, in C: killed after each instruction, under ThreadSanitizer, and preempted around its wake."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEADERS = HERE.parents[2] / "shm"
NOT_PERMITTED = 77
SOAK = bool(os.environ.get("STEELYARD_SOAK"))


def built(source: str, to: Path, *flags: str, compiler: str = "cc") -> Path:
    """Compile one harness, or skip where that cannot be."""
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler} here")
    program = to / source
    command = [compiler, "-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", f"-I{HEADERS}", *flags]
    done = subprocess.run(
        [*command, str(HERE / f"{source}.c"), "-o", str(program), "-pthread"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and "-fsanitize=thread" in flags:
        pytest.skip(f"{compiler} cannot build for ThreadSanitizer: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return program


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a harness and keep all its output."""
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, timeout=110)


def test_a_writer_killed_after_any_instruction_leaves_nothing_torn(tmp_path: Path) -> None:
    """Not a sample of instants but all of them: ring, batch and cell, each with a successor that goes on."""
    done = run(built("step", tmp_path))
    if done.returncode == NOT_PERMITTED:
        pytest.skip("ptrace is not permitted here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("killed after each of") == 3


def test_every_shared_access_is_atomic_to_thread_sanitizer(tmp_path: Path) -> None:
    """With the payload copied by words nothing may be flagged; without, the control must be, or the tool is blind."""
    compiler = "clang" if shutil.which("clang") else "cc"
    control = run(built("threads", tmp_path, "-fsanitize=thread", "-Wno-tsan", compiler=compiler))
    if "data race" not in control.stderr:
        pytest.skip(f"{compiler}'s ThreadSanitizer does not flag the control here: {control.stderr[-200:]!r}")
    done = run(built("threads", tmp_path, "-fsanitize=thread", "-Wno-tsan", "-DSY_WORD_ATOMIC", compiler=compiler))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("accepted") == 3


def test_no_wake_is_lost_when_the_writer_is_preempted_anywhere(tmp_path: Path) -> None:
    """The sleeper of this harness has no timeout to save it."""
    done = run(built("wake", tmp_path), "200000" if SOAK else "2000")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_clock_read_only_before_the_store_loses_a_wake(tmp_path: Path) -> None:
    """The control: a harness that cannot see the loss proves nothing of its absence."""
    assert "1 lost wakes" in run(built("wake", tmp_path, "-DCLOCK_BEFORE_ONLY"), "50000").stdout
