"""`lookahead`: describe the test, run it in a process of its own, read its report."""

import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from engine.model.instrument import Instrument
from research.experiment import experiment_of
from research.experiment.code import ROOT
from research.lookahead.report import Report
from research.lookahead.tape import Job, Spec
from research.simulate import Models, save

if TYPE_CHECKING:
    from research.experiment.description import Kind
    from research.simulate.data.events import Events

CUTS = 32
FIXED = {"PYTHONHASHSEED": "0"}


class NotTestedError(RuntimeError):
    """A test that could compare nothing; the text says why."""


def lookahead(
    data: "str | os.PathLike[str] | Events", strategy: "str | Kind", *, instruments: Sequence[Instrument],
    models: Models | Mapping[str, Any], parameters: Mapping[str, Any] | None = None,
    prepare: str | Callable[[Any], Mapping[str, Any]] | None = None, cuts: int = CUTS,
    watch: Sequence[str | os.PathLike[str]] = (), beside: str = "", **options: Any,
) -> Report:  # fmt: skip
    """Test whether a strategy decides by data that it has not received yet.

    `prepare`, a function of a module, makes further parameters of events, and is called with the cut data. `watch` are
    further files with the period's data: opening one while only cut data is given is a leak. `options` are `caps`,
    `called` and `bars`.
    """
    if not isinstance(cuts, int) or cuts < 1:
        raise ValueError(f"cuts: found {cuts!r}, expected a number from 1 on")
    _expect_plain(parameters or {})
    table = models.feed_latency if isinstance(models, Models) else models.get("feed_latency")
    if table is not None:
        raise ValueError("models.feed_latency: a cut is at times of arrival: give data that has them, and remove it")
    with tempfile.TemporaryDirectory(prefix="steelyard-lookahead-") as place:
        folder, watched = Path(place), [str(Path(one).resolve()) for one in watch]
        if isinstance(data, np.ndarray):
            save(folder / "data.npy", data)
            data = folder / "data.npy"
        elif not Path(data).is_file():
            raise ValueError(f"data: {data} is not a file: expected a .npy file of research.simulate.save")
        else:
            watched.append(str(Path(data).resolve()))
        experiment = experiment_of(
            strategy, str(data), instruments, models, beside=beside, parameters=dict(parameters or {}), **options
        )
        return _run(folder, Job(Spec(experiment, _name_of(prepare)), cuts, tuple(dict.fromkeys(watched))))


def _expect_plain(parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter that may have been computed of all data: it could not be cut."""
    for name, value in parameters.items():
        if not isinstance(value, (int, float, str, bool, type(None))):
            msg = "expected a number or a text; make it in `prepare`, which is called with the cut data"
            raise ValueError(f"parameter `{name}`: found {type(value).__name__}, {msg}")  # noqa: TRY004 - one of a table


def _name_of(prepare: str | Callable[[Any], Any] | None) -> str:
    """A function as "module:name"."""
    if prepare is None or isinstance(prepare, str):
        return prepare or ""
    if prepare.__module__ == "__main__" or not inspect.isfunction(prepare) or "<" in prepare.__qualname__:
        raise ValueError(f"prepare: found {prepare!r}, expected a function of a module, which other processes import")
    return f"{prepare.__module__}:{prepare.__qualname__}"


def _run(folder: Path, job: Job) -> Report:
    """Run the test in a process that has not imported the strategy."""
    (folder / "job.json").write_bytes(msgspec.json.encode(job))
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "research.lookahead.runner", str(folder)],
        env={**os.environ, **FIXED, "PYTHONPATH": os.pathsep.join(paths)}, check=False,
    )  # fmt: skip
    if done.returncode:
        error = folder / "error"
        text = error.read_text() if error.exists() else f"its process ended with exit code {done.returncode}"
        raise NotTestedError(f"{job.spec.experiment.strategy}: {text}")
    return msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
