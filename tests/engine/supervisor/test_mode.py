"""The mode word: written once by the supervisor, read by every process."""

import json
from collections.abc import Callable
from pathlib import Path

import shm
from engine.config import Config, load
from engine.model.words import Mode
from engine.monitor.names import Names, mode_of
from engine.supervisor import segments
from engine.supervisor.mode import publish_mode

Write = Callable[..., Config]


def test_the_mode_is_in_shared_memory_from_up_to_down(write: Write) -> None:
    """A looker must see what a system is run for without its file, and an edited file must change nothing."""
    config = write("[live]\narmed = true\n")
    segments.create(config)
    publish_mode(config, 7)
    row = shm.CellReader(config.lane("mode")).read(0)
    assert (row.since_ns, row.mode, row.armed) == (7, Mode.PAPER, 1)
    text = open(config.path).read()  # noqa: SIM115 - a few lines
    with open(config.path, "w") as file:
        file.write(text.replace("[roles]", 'mode = "live"\n[roles]', 1))
    publish_mode(load(config.path), 8)
    again = shm.CellReader(config.lane("mode")).read(0)
    assert (again.since_ns, again.mode) == (7, Mode.PAPER)
    assert mode_of(config.system.name) == "paper"
    segments.remove(config)
    assert mode_of(config.system.name) == ""


def test_what_is_shown_is_the_mode_that_runs(write: Write) -> None:
    """An operator who edits the file must still see the mode of the running system."""
    config = write()
    segments.create(config)
    publish_mode(config, 7)
    config.paths.make()
    Path(config.path).write_text(Path(config.path).read_text().replace("[roles]", 'mode = "live"\n[roles]', 1))
    config.paths.system.write_text(json.dumps({"config": config.path}))
    assert (load(config.path).system.mode, Names.of(config.system.name).mode) == ("live", "paper")
    Path(config.path).unlink()
    assert Names.of(config.system.name).mode == "paper"
    segments.remove(config)
