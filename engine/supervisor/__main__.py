"""The supervisor's process: `python -m engine.supervisor --config F`, as its guard starts it.

SIGTERM and SIGINT bring the system down in order; SIGUSR1 halts it; SIGKILL leaves the roles running for the
supervisor that comes after. Exit codes: 0 all is down, 69 the world is wrong, 75 another supervisor lives, 78 the
configuration is wrong, 1 all is down but orders are left at the venue.
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

from engine.clock import OFFSET_VARIABLE
from engine.config import Config
from engine.config.private import open_private
from engine.supervisor import leftovers, life, segments
from engine.supervisor.entry import EXIT_ORDERS_LEFT, enter, wait, wake_on_signals
from engine.supervisor.keeper import Keeper
from engine.supervisor.mode import publish_mode
from engine.supervisor.processes import Processes
from shm import SegmentError

logger = logging.getLogger("engine.supervisor")


def supervise(config: Config, *, foreground: bool = False, stop: bool = False) -> int:
    """Keep a system up until it is told to go down; with `stop` bring down what an absent supervisor left."""
    _keep_copy(config)
    file, state = str(Path(config.path).resolve()), str(config.paths.state.absolute())
    current = life.begin(config.paths.system, config.system.name, file, state)
    try:
        made = segments.make(config)
    except (SegmentError, OSError) as error:
        if not stop or Processes(config, os.environ).find():
            raise
        logger.warning("nothing lives, and there is no room for segments", extra={"error": str(error)})
        return clear(config)
    publish_mode(config, time.monotonic_ns() + current.offset_ns)
    config.paths.left.unlink(missing_ok=True)
    logger.info("segments", extra={"made": made, "offset_ns": current.offset_ns})
    environment = {**os.environ, OFFSET_VARIABLE: str(current.offset_ns)}
    keeper = Keeper(
        config, Processes(config, environment, foreground=foreground), time.monotonic_ns() + current.offset_ns
    )
    if stop:
        keeper.stop()
    wake = wake_on_signals({signal.SIGTERM: keeper.stop, signal.SIGINT: keeper.stop, signal.SIGUSR1: keeper.ask_halt})
    while not keeper.ended:
        if keeper.stopping and not current.stopping:
            current = replace(current, stopping=True)
            current.write(config.paths.system)
        if not keeper.step(time.monotonic_ns() + current.offset_ns):
            wait([*keeper.filenos(), wake])
    keeper.close()
    left = [] if keeper.rescue.clean else leftovers.unfinished(config)
    leftovers.record(config, left, time.monotonic_ns() + current.offset_ns, os.getpid())
    return clear(config) or (EXIT_ORDERS_LEFT if left else 0)


def _keep_copy(config: Config) -> None:
    """Keep the configuration's text, which has just been read, for the process that cancels; no secret is in it."""
    try:
        with os.fdopen(open_private(config.paths.sound, os.O_WRONLY | os.O_TRUNC), "wb") as copy:
            copy.write(Path(config.path).read_bytes())
    except OSError as error:  # no room for a copy must not keep a system down
        logger.warning("the configuration was not copied", extra={"error": str(error)})


def clear(config: Config) -> int:
    """Remove what a system leaves when all of it is down; 0."""
    kept = segments.remove(config)
    for path in (config.paths.system, config.paths.control, config.paths.sound):
        path.unlink(missing_ok=True)
    logger.info("down", extra={"segments_kept": kept})
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, lock, supervise."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor", description="Keep a system up.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--foreground", action="store_true", help="the roles share this process's stderr")
    parser.add_argument("--stop", action="store_true", help="bring down what an absent supervisor left")
    options = parser.parse_args(arguments)

    def run(config: Config, _: int) -> int:
        return supervise(config, foreground=options.foreground, stop=options.stop)

    return enter("supervisor", lambda paths: paths.lock, run, options.config)


if __name__ == "__main__":
    sys.exit(main())
