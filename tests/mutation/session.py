"""A pytest session that collects the tests once and then runs, in a forked child, those that reach each mutant.

    1. what runs at import (module level, class level): before anything is imported, a child is forked for each mutant,
       imports the mutated module in the place of the real one and runs all the tests until one fails
    2. baseline: a child runs every test and notes its time and the lines of the mutated modules that it reaches
    3. for each mutant of a function: a child puts the mutated code into the live function and runs the tests that reach
       its lines, the quickest first, until one fails; what no live function can carry goes to a fresh process

A child that fails a test or ends in an error has noticed the mutant; so has one that does not end in time, which is
named, for a busy machine may be the cause.
"""

import ast
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from tests.mutation.mutants import Module, Mutant
from tests.mutation.overlay import Overlay

ROOT = Path(__file__).parents[2]
KILLED, LATE, SURVIVED, UNREACHED = "killed", "out of time", "survived", "unreached"
NOTICED = frozenset({KILLED, LATE})
EXTRA_SECONDS = 30.0
LIBRARIES = ("hypothesis.strategies", "msgspec", "orjson", "cryptography.hazmat.primitives.serialization")
PATIENCE = 6.0  # a child may take this many times as long as its tests took without the mutant


@dataclass(slots=True)
class Reach:
    """The files and lines that one test reaches, and its duration."""

    seconds: float
    lines: dict[str, set[int]]


@dataclass(slots=True)
class Verdict:
    """What became of one mutant."""

    mutant: Mutant
    outcome: str
    tests: int = 0


@dataclass(slots=True)
class _Child:
    """A running child, by when it must have ended, and what it tries."""

    pid: int
    until: float
    verdict: Verdict


@dataclass
class MutationPlugin:
    """Replaces pytest's own loop over the tests."""

    modules: list[Module]
    jobs: int
    selected: Callable[[Mutant], bool]
    announce: Callable[[Verdict], None]
    verdicts: list[Verdict] = field(default_factory=list)
    failed: str = ""
    _children: list[_Child] = field(default_factory=list)

    def try_imports(self, tests: list[str]) -> None:
        """Try what runs at import, while none of the modules is imported; the libraries are, once for all children."""
        selected = [(module, one) for module in self.modules for one in module.mutants if not one.within]
        selected = [(module, one) for module, one in selected if self.selected(one)]
        if not selected:
            return
        for name in LIBRARIES:
            importlib.import_module(name)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # `_reap` waits for it
        began = time.monotonic()
        pid = os.fork()
        if not pid:
            _run_files(tests)
        if os.waitpid(pid, 0)[1]:
            return  # the baseline shows which test fails without any mutant
        seconds = time.monotonic() - began
        with tempfile.TemporaryDirectory() as folder:
            for number, (module, mutant) in enumerate(selected):
                file = Path(folder) / f"mutant_{number}.py"
                self._start(mutant, len(tests), seconds, partial(_run_overlaid, module, mutant, file, tests))
            self._finish()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the baseline and every mutant of a function."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # `_reap` waits for it
        reach = self._baseline(session)
        if reach is None:
            return True
        items = {item.nodeid: item for item in session.items}
        for module in self.modules:
            for mutant in filter(self.selected, module.mutants):
                tests = _reaching(reach, module, mutant)
                if not mutant.within:
                    continue
                if not tests:
                    self._note(Verdict(mutant, UNREACHED))
                    continue
                seconds, code = sum(reach[name].seconds for name in tests), module.code(mutant)
                run = partial(_run_mutant, session, module, mutant, code, [items[name] for name in tests])
                self._start(mutant, len(tests), seconds, run)
        self._finish()
        return True

    def _baseline(self, session: pytest.Session) -> dict[str, Reach] | None:
        """Every test's reach, from a child; nothing when a test fails without any mutant."""
        with tempfile.TemporaryDirectory() as folder:
            file, failure = Path(folder) / "reach.json", Path(folder) / "failure"
            pid = os.fork()
            if not pid:
                _run_baseline(session, {module.file for module in self.modules}, file, failure)
            _, status = os.waitpid(pid, 0)
            if status or not file.exists():
                why = failure.read_text() if failure.exists() else f"the process ended with status {status}"
                self.failed = f"the tests fail without any mutant: mend them first\n{why}"
                return None
            measured = json.loads(file.read_text())
        return {
            name: Reach(s, {f: set(lines) for f, lines in reached.items()}) for name, (s, reached) in measured.items()
        }

    def _start(self, mutant: Mutant, tests: int, seconds: float, run: Callable[[], None]) -> None:
        """Try one mutant in a child, once there is room for one more."""
        while len(self._children) >= self.jobs:
            self._reap()
        pid = os.fork()
        if not pid:
            run()
        until = time.monotonic() + EXTRA_SECONDS + PATIENCE * seconds
        self._children.append(_Child(pid, until, Verdict(mutant, KILLED, tests)))

    def _finish(self) -> None:
        """Wait until every child has ended."""
        while self._children:
            self._reap()

    def _reap(self) -> None:
        """Wait until a child has ended, or end one that is out of time."""
        for child in self._children:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            late = not pid and time.monotonic() > child.until
            if late:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                pid, status = os.waitpid(child.pid, 0)
            if pid:
                self._children.remove(child)
                child.verdict.outcome = LATE if late else KILLED if status else SURVIVED
                self._note(child.verdict)
                return
        signal.sigtimedwait({signal.SIGCHLD}, 1.0)

    def _note(self, verdict: Verdict) -> None:
        """Keep a verdict, and report it."""
        self.verdicts.append(verdict)
        self.announce(verdict)


class _Failures:
    """Ends a child at its first failed test; a baseline writes down which it was, and why."""

    def __init__(self, file: Path | None = None) -> None:
        """Without a file nothing is written."""
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failure, in whatever phase, has noticed the mutant."""
        if report.failed:
            if self._file is not None:
                self._file.write_text(f"{report.nodeid}\n{report.longreprtext}")
            os._exit(1)


def _reaching(reach: dict[str, Reach], module: Module, mutant: Mutant) -> list[str]:
    """The tests that reach a mutant's lines, the quickest first."""
    selected = set(mutant.lines)
    names = [name for name, one in reach.items() if selected & one.lines.get(module.file, set())]
    return sorted(names, key=lambda name: reach[name].seconds)


def _quiet() -> None:
    """Leave the terminal to the parent; a group of its own lets the parent end a child with all it started."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    with open(os.devnull, "r+b") as nothing:
        for descriptor in (0, 1, 2):
            os.dup2(nothing.fileno(), descriptor)


def _run_items(session: pytest.Session, items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Run tests one after the other, and report each after it ran."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        yield item


def _silence(session: pytest.Session) -> None:
    """Be quiet, and let pytest report nothing."""
    _quiet()
    manager = session.config.pluginmanager
    manager.unregister(manager.get_plugin("terminalreporter"))


def _run_baseline(session: pytest.Session, files: set[str], file: Path, failure: Path) -> None:
    """Run all tests and write down what each of them reaches, or the one that fails. Never returns."""
    _silence(session)
    session.config.pluginmanager.register(_Failures(failure))
    reached: dict[str, set[int]] = {}

    def line(frame: FrameType, _: str, __: Any) -> Any:
        reached.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
        return line

    def call(frame: FrameType, _: str, __: Any) -> Any:
        return line(frame, "", None) if frame.f_code.co_filename in files else None

    measured: dict[str, tuple[float, dict[str, list[int]]]] = {}
    began = time.monotonic()
    threading.settrace(call)
    sys.settrace(call)
    for item in _run_items(session, session.items):
        measured[item.nodeid] = (time.monotonic() - began, {name: sorted(lines) for name, lines in reached.items()})
        reached.clear()
        began = time.monotonic()
        sys.settrace(call)
    file.write_text(json.dumps(measured))
    os._exit(0)


def _run_mutant(
    session: pytest.Session, module: Module, mutant: Mutant, code: CodeType, items: list[pytest.Item]
) -> None:
    """Try one mutant. Never returns."""
    try:
        _silence(session)
        if not _put(module, mutant, code):
            os._exit(fresh(module, mutant, [item.nodeid for item in items]))
        session.config.pluginmanager.register(_Failures())
        for _ in _run_items(session, items):
            pass
    except BaseException:  # noqa: BLE001 (whatever ended the child, the mutant was noticed)
        os._exit(1)
    os._exit(0)


def _run_files(tests: list[str]) -> None:
    """Collect and run tests, file by file, until one fails. Never returns."""
    try:
        _quiet()
        os._exit(any(pytest.main(["-q", "-q", "-p", "no:cacheprovider", one], plugins=[_Failures()]) for one in tests))
    except BaseException:  # noqa: BLE001 (whatever ended the child, the mutant was noticed)
        os._exit(1)


def _run_overlaid(module: Module, mutant: Mutant, file: Path, tests: list[str]) -> None:
    """Try one mutant of what runs at import, from a file. Never returns."""
    with module.mutated(mutant) as tree:
        file.write_text(ast.unparse(tree))
    sys.meta_path.insert(0, Overlay(module.name, str(file)))
    _run_files(tests)


def _put(module: Module, mutant: Mutant, code: CodeType) -> bool:
    """Give the live function the mutated code; False where there is no such function."""
    holder: Any = sys.modules[module.name]
    for name in mutant.within.split(".")[:-1]:
        holder = getattr(holder, name)
    found, selected = vars(holder).get(mutant.within.rpartition(".")[2]), code
    for name in mutant.within.split("."):
        selected = next(one for one in selected.co_consts if isinstance(one, CodeType) and one.co_name == name)
    if isinstance(found, property):
        found = found.fget
    function = getattr(found, "__func__", found)
    if not isinstance(function, FunctionType) or function.__code__.co_freevars != selected.co_freevars:
        return False
    if function.__code__.co_name != selected.co_name:
        return False
    function.__code__ = selected
    return True


def fresh(module: Module, mutant: Mutant, tests: list[str]) -> int:
    """Try one mutant in a process that imports the mutated module; its exit code."""
    with tempfile.TemporaryDirectory() as folder, module.mutated(mutant) as tree:
        file = Path(folder) / "mutant.py"
        file.write_text(ast.unparse(tree))
        return pytest_with(module.name, file, tests)


def pytest_with(name: str, file: Path, tests: list[str]) -> int:
    """Run tests in a process where a module is the one of a file; the exit code."""
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.mutation.overlay", *tests]
    environment = {**os.environ, "STEELYARD_MUTANT": f"{name}={file}"}
    return subprocess.run(words, cwd=ROOT, env=environment, check=False, stdout=subprocess.DEVNULL).returncode
