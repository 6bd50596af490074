"""A sweep as its user sees it, in any process: progress, results so far, wait, stop, resume."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from research.experiment.code import ROOT
from research.sweep.registry import ranked, table_of
from research.sweep.run.lock import is_locked
from research.sweep.run.log import Log, Row
from research.sweep.study import Folder

if TYPE_CHECKING:
    import pyarrow as pa

    from research.sweep.luck import Luck

POLL_S = 0.1
FIXED = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class SweepStoppedError(RuntimeError):
    """A sweep has ended before its last trial."""


class Progress(NamedTuple):
    """How far a sweep is; `seconds_left` is None while nothing runs or nothing has ended yet."""

    ended: int
    failed: int
    trials: int
    running: bool
    finished: bool
    seconds_left: float | None


class Sweep:
    """One sweep on disk."""

    def __init__(self, folder: Folder) -> None:
        """Attach; the sweep may run in another process, have stopped, or be finished."""
        self.folder, self.id = folder, folder.id
        self.study = folder.read()
        self._log, self._rows = Log(folder.trials), dict[int, Row]()

    def __repr__(self) -> str:
        """The id and the progress, for a notebook."""
        now = self.progress()
        state = "finished" if now.finished else "running" if now.running else "stopped"
        return f"Sweep({self.id!r}, {state}, {now.ended} of {now.trials} trials, {now.failed} failed)"

    def rows(self) -> list[Row]:
        """The trials that have ended, by number."""
        self._rows.update({row.number: row for row in self._log.read()})
        return [self._rows[number] for number in sorted(self._rows)]

    def progress(self) -> Progress:
        """How far it is."""
        is_running, rows = is_locked(self.folder.lock), self.rows()
        left = None
        if is_running and rows:
            seconds = sum(row.seconds for row in rows) / len(rows)
            left = seconds * (self.study.count - len(rows)) / self._workers()
        failed = sum(bool(row.error) for row in rows)
        return Progress(len(rows), failed, self.study.count, is_running, self.folder.table.exists(), left)

    def _workers(self) -> int:
        """How many trials the driver runs at once."""
        with contextlib.suppress(ValueError, OSError, msgspec.DecodeError):
            return max(1, int(msgspec.json.decode(self.folder.lock.read_bytes())["workers"]))
        return 1

    def results(self) -> "pa.Table":
        """The table of the trials so far; `.to_pandas()` for a frame."""
        return table_of(self.study, self.rows())

    def top(self, count: int = 1) -> list[Row]:
        """The trials with the largest objective so far, the best first."""
        return ranked(self.rows(), self.study.objective)[:count]

    def luck(self) -> "Luck | None":
        """How lucky the best trial is: trials tried, deflated Sharpe, probability of overfitting."""
        from research.sweep.luck import luck_of  # noqa: PLC0415 - loads pyarrow

        return luck_of(self)

    def wait(self, timeout_s: float | None = None, *, bar: bool = False) -> "Sweep":
        """Wait for the end, with a progress bar if asked; SweepStoppedError when it stopped before its last trial."""
        from research.sweep.bar import shown  # noqa: PLC0415 - loads rich

        until = None if timeout_s is None else time.monotonic() + timeout_s
        with shown(self, bar=bar) as update:
            while (now := self.progress()).running:
                update(now)
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError(f"{self!r}: not finished after {timeout_s} s; it goes on")
                time.sleep(POLL_S)
            update(now)
        if not self.progress().finished:
            raise SweepStoppedError(f"{self!r}: resume() runs what is left. {self.last_words()}".strip())
        return self

    def last_words(self) -> str:
        """The last line of the driver's output."""
        with contextlib.suppress(OSError):
            lines = self.folder.output.read_text(errors="replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""

    def stop(self) -> None:
        """Ask the driver to end, and wait until it has; the passes that run now are lost."""
        if not is_locked(self.folder.lock):
            return
        self.folder.stop.touch()
        while is_locked(self.folder.lock):
            time.sleep(POLL_S)

    def resume(self, workers: int | None = None, cluster: Any = None, variants: int | None = None) -> "Sweep":
        """Run what is left in a process of its own; without effect while the sweep runs or is finished."""
        now = self.progress()
        if not now.running and not now.finished:
            _start_driver(self.folder, workers_of(workers), variants_of(variants), address_of(cluster))
        return self


def workers_of(workers: int | None) -> int:
    """How many passes run at once: as many as this process may use cores, unless a number is given."""
    return len(os.sched_getaffinity(0)) if workers is None else _positive("workers", workers)


def variants_of(variants: int | None) -> int:
    """How many trials share a pass over the data; 0 if the driver is to choose."""
    return 0 if variants is None else _positive("variants", variants)


def _positive(name: str, number: int) -> int:
    """A number from 1 on."""
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{name}: found {number!r}, expected a number from 1 on")
    return number


def address_of(cluster: Any) -> str:
    """The address of a Dask scheduler: the text, or that of a client or a cluster."""
    if not cluster:
        return ""
    found = cluster if isinstance(cluster, str) else getattr(getattr(cluster, "scheduler", cluster), "address", None)
    if not isinstance(found, str) or "://" not in found or found.startswith("inproc"):
        msg = "expected the address of a Dask scheduler that another process reaches, like tcp://127.0.0.1:8786"
        raise ValueError(f"cluster: found {found or cluster!r}, {msg}")
    return found


def _start_driver(folder: Folder, workers: int, variants: int, cluster: str) -> None:
    """Start the driver in a session of its own, and return when it runs, or when another process runs the sweep."""
    inward, outward = os.pipe()
    command = [sys.executable, "-m", "research.sweep.run.driver", str(folder.home), folder.id]
    command += ["--workers", str(workers)]
    command += ["--variants", str(variants), "--cluster", cluster, "--ready", str(outward)]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with folder.output.open("ab") as output:
        driver = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[outward],
            start_new_session=True, env={**os.environ, **FIXED, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
    os.close(outward)
    with os.fdopen(inward, "rb") as ready:
        if not ready.read(1):
            driver.wait()
            if is_locked(folder.lock) or folder.table.exists():
                return
            raise SweepStoppedError(f"sweep {folder.id} did not start: {Sweep(folder).last_words()}")


def attach(number: str, home: str | os.PathLike[str] | None = None) -> Sweep:
    """The sweep with this id, whichever process runs it."""
    from research.sweep.study import default_home  # noqa: PLC0415

    place = Path(home) if home is not None else default_home()
    folder = Folder(place, number)
    if not folder.description.is_file():
        known = ", ".join(sorted(one.parent.name for one in place.glob("*/sweep.json"))) or "none"
        raise ValueError(f"sweep {number!r}: not found in {place}, which has: {known}")
    return Sweep(folder)
