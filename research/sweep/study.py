"""A sweep on disk: what it runs, under an id that the content gives, so the same sweep has the same id everywhere.

<home>/<id>/    sweep.json  the description      trials.log  a record for each trial that has ended
                lock        of the driver        driver.log  its output, and what strategies print
                stop        asks it to end       events.npy  the data, if it was given as an array
<home>/registry/<id>.parquet                     the table of a sweep that is finished

<home> is `sweeps` in the state directory of `engine.config.paths`.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.config.paths import default_state_directory
from research.experiment import Experiment
from research.sweep.space import axes_of, points_of

REGISTRY = "registry"


class Study(msgspec.Struct, frozen=True):
    """Everything that decides the result of a sweep."""

    name: str
    experiment: Experiment
    space: dict[str, Any]
    search: str
    count: int
    seed: int
    objective: str
    slices: int
    strategy_code: str
    engine_code: str
    data_hash: str

    @property
    def id(self) -> str:
        """The name, and a hash of everything but the places of files."""
        places = {"data": "", "beside": ""}
        plain = msgspec.to_builtins(self) | {"experiment": msgspec.to_builtins(self.experiment) | places, "name": ""}
        digest = hashlib.blake2b(msgspec.json.encode(plain, order="sorted"), digest_size=6).hexdigest()
        return f"{self.name}-{digest}"

    def points(self) -> Iterator[dict[str, Any]]:
        """The parameters of each trial."""
        return points_of(axes_of(self.space, self.search), self.search, self.count, self.seed)


def default_home() -> Path:
    """Where sweeps are kept unless another place is given."""
    return default_state_directory() / "sweeps"


class Folder:
    """The files of one sweep."""

    def __init__(self, home: Path, number: str) -> None:
        """Of the sweep with this id."""
        self.home, self.id = home, number
        self.path = home / number
        self.description, self.trials = self.path / "sweep.json", self.path / "trials.log"
        self.lock, self.stop, self.output = self.path / "lock", self.path / "stop", self.path / "driver.log"
        self.table = home / REGISTRY / f"{number}.parquet"

    def write(self, study: Study) -> None:
        """Write the description, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        with replaced(self.description) as new:
            new.write_bytes(msgspec.json.encode(study))

    def read(self) -> Study:
        """The description."""
        return msgspec.json.decode(self.description.read_bytes(), type=Study)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A new file beside `path`, which gets its name when the block ends: no reader finds a half of it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield new
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
