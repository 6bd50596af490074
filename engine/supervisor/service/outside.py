"""Starts one process of a system in place of its supervisor: the unit steelyard-role@SYSTEM-PROCESS runs this.

    python -m engine.supervisor.service.outside --config F --process P

1. Wait until the system's supervisor runs and does not stop: it makes the segments, and measures the clock's offset.
2. Become the process (exec), with the marks by which the supervisor finds it. The supervisor adopts and watches it as
   one of its own, but does not start it: that is systemd's part. At `down` the supervisor ends it; systemd starts the
   unit again, which waits for the next supervisor.

The process has `started_by = "systemd"` in the file, so that no second one is started. Exit codes: 69 the machine or
its files prevent a start, 78 the configuration is wrong.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence

import shm
from engine import log
from engine.clock import OFFSET_VARIABLE
from engine.config import Config, ConfigError, Process, load
from engine.config.private import open_private
from engine.lanes import SUPERVISOR, open_lanes
from engine.model.rows import SupervisionRow
from engine.supervisor import life
from engine.supervisor.entry import EXIT_CONFIG, EXIT_WRONG_WORLD
from engine.supervisor.processes.table import PROCESS_MARK, SYSTEM_MARK

POLL_S = 0.1  # several rounds of a supervisor

logger = logging.getLogger("engine.supervisor.outside")


def process_of(config: Config, name: str) -> Process:
    """The process of this name, which systemd starts; ConfigError for any other."""
    named = [one.name for one in config.placement if one.started_by == "systemd"]
    if name not in named:
        known = ", ".join(named) or "none"
        msg = f'{config.path}: process {name!r}: expected one with started_by = "systemd": {known}'
        raise ConfigError(msg)
    return config.process(name)


def supervision(config: Config) -> SupervisionRow | None:
    """The supervisor's state; None without segments."""
    try:
        lanes = open_lanes(config.system.name, SUPERVISOR)
        row: SupervisionRow | None = lanes.cell_reader("supervision").read(0)
    except (shm.SegmentError, OSError):
        return None
    return row


def await_supervisor(config: Config) -> int:
    """Wait until a supervisor writes its state and does not stop; the clock's offset of its system."""
    before_ns = 0
    while True:
        row, found = supervision(config), life.read(config.paths.system)
        if row is not None and found is not None and not row.stopping and 0 < before_ns < row.now_ns:
            return found.offset_ns
        before_ns = row.now_ns if row is not None else 0
        time.sleep(POLL_S)


def environment_of(config: Config, process: Process, offset_ns: int) -> Mapping[str, str]:
    """The environment that the supervisor would give to the process."""
    marks = {SYSTEM_MARK: config.system.name, PROCESS_MARK: process.name}
    return {**os.environ, OFFSET_VARIABLE: str(offset_ns), **process.environment, **marks}


def become(config: Config, process: Process) -> None:
    """Write to the process's log, then execute the runtime."""
    path = config.paths.log(process.name)
    config.paths.make()
    log.make_room(path)
    offset_ns = await_supervisor(config)
    descriptor = open_private(path, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(descriptor, number)
    words = config.command(process)
    os.execve(words[0], words, environment_of(config, process, offset_ns))  # noqa: S606 - this process becomes the role's


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the file, wait, become the process."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor.service.outside", description="Run one process.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--process", required=True, help="a process that systemd starts")
    options = parser.parse_args(arguments)
    log.begin(options.process)
    try:
        config = load(options.config)
        become(config, process_of(config, options.process))
    except ConfigError as error:
        logger.critical(str(error))
        return EXIT_CONFIG
    except (OSError, ValueError) as error:
        logger.critical(str(error))
    return EXIT_WRONG_WORLD


if __name__ == "__main__":
    sys.exit(main())
