"""One run on one tape, in a child process of its own: the strategy's modules are imported there, with the tape's data.

parent (never imports the strategy) ──fork──▶ child: prepare(events given) ─▶ strategy ─▶ run ──intents, error──▶ parent
"""

import importlib
import os
import re
import signal
import traceback
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.model.records import INTENT
from engine.strategy.load import search_first
from research.experiment import Experiment
from research.lookahead.cuts import Cut
from research.lookahead.written import Written
from research.simulate.data.events import Events, save

AT = re.compile(r", at (\d+)$")
CHUNK = 1 << 16


class Spec(msgspec.Struct, frozen=True):
    """What is tested: an experiment, and the function that makes parameters of the data ("module:function")."""

    experiment: Experiment
    prepare: str = ""


class Job(msgspec.Struct, frozen=True):
    """What is tested, with how many cuts, and the files whose opening is a leak."""

    spec: Spec
    cuts: int
    watch: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True):
    """The intents of a run, as records; the error that ended it, at `error_ns`, 0 when it began no run."""

    intents: bytes
    error: str = ""
    error_ns: int = 0
    written: tuple[str, ...] = ()  # files that it has written

    def rows(self, until_ns: int | None = None) -> Any:
        """The intents that were decided before a time."""
        found = np.frombuffer(self.intents, INTENT.dtype)
        return found if until_ns is None else found[found["now_ns"] < until_ns]


def run(spec: Spec, events: Events, cut: Cut, folder: Path) -> Outcome:
    """Run on a cut tape in a child."""
    inward, outward = os.pipe()
    pid = os.fork()
    if pid == 0:
        _live(spec, events, cut, folder, outward)
    os.close(outward)
    found = bytearray()
    with os.fdopen(inward, "rb") as pipe:
        while part := pipe.read(CHUNK):
            found += part
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise ChildProcessError(f"the run up to event {cut.events} ended without an answer: {_why(code)}")
    return msgspec.msgpack.decode(found, type=Outcome)


def _why(code: int) -> str:
    """The end of a child in words."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _live(spec: Spec, events: Events, cut: Cut, folder: Path, outward: int) -> None:
    """The life of a child; never returns."""
    code = 1
    try:
        written = Written()
        outcome = msgspec.structs.replace(_outcome(spec, events, cut, folder), written=written.files())
        with os.fdopen(outward, "wb") as pipe:
            pipe.write(msgspec.msgpack.encode(outcome))
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reports the exit code, the text is for the user
        traceback.print_exc()
    finally:
        os._exit(code)


def _outcome(spec: Spec, events: Events, cut: Cut, folder: Path) -> Outcome:
    """Run, and catch what the strategy raises."""
    log, experiment = bytearray(), spec.experiment
    try:
        kind = experiment.kind()
        given = {**_with_cut_file(experiment, events, cut, folder), **_prepared(spec, events[: cut.events])}
        experiment.run(events[: cut.market], given, kind, experiment.models_chosen(), log)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a strategy raises is compared
        at = [one for note in getattr(error, "__notes__", []) for one in AT.findall(note)]
        return Outcome(bytes(log), f"{type(error).__name__}: {error}", int(at[-1]) if at else 0)
    return Outcome(bytes(log))


def _prepared(spec: Spec, events: Events) -> dict[str, Any]:
    """The parameters that the user's function makes of the data it is given."""
    if not spec.prepare:
        return {}
    if spec.experiment.beside:
        search_first(Path(spec.experiment.beside))
    module, _, name = spec.prepare.partition(":")
    made: dict[str, Any] = getattr(importlib.import_module(module), name)(events)
    return made


def _with_cut_file(experiment: Experiment, events: Events, cut: Cut, folder: Path) -> dict[str, Any]:
    """The parameters that name the data's file, with a file of the cut data in its place."""
    data, path = Path(experiment.data), folder / "cut.npy"
    named = [name for name, one in experiment.parameters.items() if isinstance(one, str) and _is_file(one, data)]
    if not named or cut.events == len(events):
        return {}
    save(path, events[: cut.events])
    return dict.fromkeys(named, str(path))


def _is_file(text: str, data: Path) -> bool:
    """Whether a text is a path of this file."""
    try:
        return os.path.samefile(text, data)
    except (OSError, ValueError):
        return False
