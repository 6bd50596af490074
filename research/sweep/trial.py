"""One trial of a sweep: the same function for a local child and for a worker of a cluster."""

import functools
import re
import time
from pathlib import Path
from typing import Any

import msgspec

from research.experiment import code_of, engine_code, hash_of
from research.sweep.figures import figures_of
from research.sweep.log import Row
from research.sweep.study import Study

ADDRESS = re.compile(r"0x[0-9a-f]+")


class Runner:
    """What every trial of a sweep shares: the mapped data, the class and the models."""

    def __init__(self, study: Study) -> None:
        """Load them; refuse code or data that is not that of the sweep."""
        self.study = study
        experiment = study.experiment
        self.kind, self.models, self.events = experiment.kind(), experiment.models_chosen(), experiment.events()

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

    def run(self, number: int, parameters: dict[str, Any]) -> Row:
        """Run one trial; an error of the strategy is a row with its text."""
        began = time.monotonic()
        try:
            result = self.study.experiment.run(self.events, parameters, self.kind, self.models)
            figures, slices = figures_of(result, self.study.slices)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a strategy raises is its trial's result
            return Row(number, parameters, _text_of(error), seconds=time.monotonic() - began)
        return Row(number, parameters, "", figures, slices, time.monotonic() - began)


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
