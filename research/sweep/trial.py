"""The trials of a pass: the same function for a local child and for a worker of a cluster."""

import functools
import re
import time
from pathlib import Path

import msgspec

from research.experiment import code_of, engine_code, hash_of
from research.sweep.figures import figures_of
from research.sweep.run.log import Row
from research.sweep.run.passes import Pass, SharedStateError, Trial
from research.sweep.run.state import modules_of, state_of
from research.sweep.study import Study

ADDRESS = re.compile(r"0x[0-9a-f]+")


class Runner:
    """What every trial of a sweep shares: the mapped data, the class and the models."""

    def __init__(self, study: Study) -> None:
        """Load them; refuse code or data that is not that of the sweep."""
        self.study = study
        experiment = study.experiment
        self.kind, self.models, self.events = experiment.kind(), experiment.models_chosen(), experiment.events()
        self.modules = modules_of(experiment, self.kind)

    def check(self) -> None:
        """Refuse code or data that is not that of the sweep: its rows would not belong together."""
        study, experiment = self.study, self.study.experiment
        for name, found, expected in (
            ("strategy", code_of(experiment.strategy, experiment.beside), study.strategy_code),
            ("engine", engine_code(), study.engine_code),
            ("data", hash_of(Path(experiment.data)), study.data_hash),
        ):
            if found != expected:
                msg = f"found hash {found}, the sweep has {expected}: it has changed since; start the sweep again"
                raise ValueError(f"sweep {study.id}: the {name} is another: {msg}")

    def run(self, trials: Pass) -> list[Row]:
        """The rows of a pass; none if one of several trials fails, which the driver then finds in smaller passes.

        A MemoryError or a SharedStateError is raised: no pass of this size can run.
        """
        if len(trials) == 1:
            return [self.alone(trials[0])]
        before = state_of(self.modules)
        try:
            rows = self.together(trials)
        except MemoryError:
            raise
        except (Exception, SystemExit):  # noqa: BLE001 - the trial that raises does so again alone
            return []
        self._check_state(before, trials[-1], rows[-1])
        return rows

    def together(self, trials: Pass) -> list[Row]:
        """Run trials as variants of one pass over the data."""
        began = time.monotonic()
        sets = [one.parameters for one in trials]
        results = self.study.experiment.run_many(self.events, sets, self.kind, self.models)
        found = [figures_of(one, self.study.slices) for one in results]
        seconds = (time.monotonic() - began) / len(trials)
        return [Row(*one, "", *numbers, seconds) for one, numbers in zip(trials, found, strict=True)]

    def _check_state(self, before: bytes, trial: Trial, row: Row) -> None:
        """Refuse a strategy that changes its module, or whose trial differs when it runs again in the same process."""
        again = self.alone(trial)
        if again.error.startswith(MemoryError.__name__):
            raise MemoryError(f"trial {trial.number}, run again after the others: {again.error}")
        if state_of(self.modules) != before or _plain(again) != _plain(row):
            msg = f"{self.kind.__qualname__} keeps state outside its object: in a module, a class or a random stream"
            raise SharedStateError(f"{msg}; the sweep makes its passes smaller: use variants = 1")

    def alone(self, trial: Trial) -> Row:
        """Run one trial; an error of the strategy is a row with its text."""
        number, parameters = trial
        began = time.monotonic()
        try:
            result = self.study.experiment.run(self.events, parameters, self.kind, self.models)
            figures, slices = figures_of(result, self.study.slices)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a strategy raises is its trial's result
            return Row(number, parameters, _text_of(error), seconds=time.monotonic() - began)
        return Row(number, parameters, "", figures, slices, time.monotonic() - began)


def _plain(row: Row) -> bytes:
    """A row without its time."""
    return msgspec.msgpack.encode(msgspec.structs.replace(row, seconds=0.0))


def _text_of(error: BaseException) -> str:
    """An error in one line, without addresses, which differ from run to run."""
    notes = [*getattr(error, "__notes__", [])]
    text = "; ".join([f"{type(error).__name__}: {error}", *notes])
    return ADDRESS.sub("0x…", " ".join(text.split()))


@functools.lru_cache(maxsize=2)
def runner_of(description: bytes) -> Runner:
    """The runner of a description, made once in a process."""
    runner = Runner(msgspec.json.decode(description, type=Study))
    runner.check()
    return runner
