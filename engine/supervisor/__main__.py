"""The supervisor's process: `python -m engine.supervisor --config F`, as its guard starts it.

SIGTERM and SIGINT bring the system down in order; SIGUSR1 halts it; after SIGKILL the roles run on, and the next
supervisor adopts them. Exit codes: 0 everything is down, 1 everything is down but orders are left at the venue, 69 the
machine or its files prevent a start, 75 another supervisor runs, 78 the configuration is wrong.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine import evidence
from engine.clock import OFFSET_VARIABLE
from engine.config import Config, limits_file
from engine.config.private import open_private
from engine.lanes import SUPERVISOR
from engine.supervisor import leftovers, life, segments
from engine.supervisor.entry import EXIT_ORDERS_LEFT, enter, wait, wake_on_signals
from engine.supervisor.keeper import Keeper
from engine.supervisor.mode import publish_mode
from engine.supervisor.processes.table import Processes
from engine.supervisor.processes.template import Template
from shm import SegmentError

logger = logging.getLogger("engine.supervisor")


def supervise(config: Config, *, foreground: bool = False, stop: bool = False) -> int:
    """Keep a system up until `down` or a signal; with `stop`, adopt what a dead supervisor left and stop it."""
    evidence.begin(config.paths.run, SUPERVISOR)
    _keep_copy(config)
    file, state = str(Path(config.path).resolve()), str(config.paths.state.absolute())
    current = life.begin(config.paths.system, config.system.name, file, state, stopping=stop)
    environment = {**os.environ, OFFSET_VARIABLE: str(current.offset_ns)}
    template = Template(config, environment)
    table = Processes(config, environment, foreground=foreground, template=template)
    table.step(time.monotonic_ns() + current.offset_ns)  # it imports while the segments are created
    try:
        made = segments.create(config)
    except (SegmentError, OSError) as error:
        if not stop or table.find():
            raise
        logger.warning(
            "no process runs, and the segments cannot be created: nothing to stop", extra={"error": str(error)}
        )
        return clear(config)
    publish_mode(config, time.monotonic_ns() + current.offset_ns)
    config.paths.left.unlink(missing_ok=True)
    logger.info("segments", extra={"made": len(made), "offset_ns": current.offset_ns})
    keeper = Keeper(config, table, time.monotonic_ns() + current.offset_ns, made)
    if stop:
        keeper.stop()
    wake = wake_on_signals(
        {signal.SIGTERM: keeper.stop, signal.SIGINT: keeper.stop, signal.SIGUSR1: keeper.request_halt}
    )
    while not keeper.ended:
        if keeper.stopping and not current.stopping:
            current = replace(current, stopping=True)
            current.write(config.paths.system)
        table.step(time.monotonic_ns() + current.offset_ns)
        if not keeper.step(time.monotonic_ns() + current.offset_ns):
            wait([*keeper.filenos(), *table.filenos(), wake])
    template.close()
    keeper.close()
    left = keeper.left_at_the_end()
    leftovers.record(config, left, time.monotonic_ns() + current.offset_ns, os.getpid())
    return clear(config) or (EXIT_ORDERS_LEFT if left else 0)


def _keep_copy(config: Config) -> None:
    """Copy the file, which was just read, for a canceller that starts after it became wrong; it has no secret."""
    try:
        with os.fdopen(open_private(config.paths.sound, os.O_WRONLY | os.O_TRUNC), "wb") as copy:
            copy.write(Path(config.path).read_bytes())
        limits_file.keep_copy(Path(config.path), config.paths.sound)
    except OSError as error:  # the system starts even if the disk is full
        text = "the configuration cannot be copied: if the file becomes wrong, a canceller cannot start from it"
        logger.warning(text, extra={"error": str(error)})


def clear(config: Config) -> int:
    """Remove the segments and run files of a system that is down; 0."""
    kept = segments.remove(config)
    limits = config.paths.sound.with_name(limits_file.COPY)
    for path in (config.paths.system, config.paths.control, config.paths.sound, limits):
        path.unlink(missing_ok=True)
    logger.info("down", extra={"segments_kept": kept})
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the file, lock, supervise."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor", description="Keep a system up.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--foreground", action="store_true", help="the roles share this process's stderr")
    parser.add_argument("--stop", action="store_true", help="stop what a dead supervisor left, then exit")
    options = parser.parse_args(arguments)

    def run(config: Config, _: int) -> int:
        return supervise(config, foreground=options.foreground, stop=options.stop)

    return enter("supervisor", lambda paths: paths.lock, run, options.config)


if __name__ == "__main__":
    sys.exit(main())
