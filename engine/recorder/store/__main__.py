"""`python -m engine.recorder.store DIRECTORY [KIND …] [--keep KIND=DAYS …]`: one run, as the recorder starts it.

The kinds are heated; `*=30` is for every kind without an entry of its own.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

from engine import log
from engine.recorder.store.run import run


def main(arguments: list[str]) -> int:
    """Run once."""
    log.begin("seal")
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("heated", nargs="*")
    parser.add_argument("--keep", action="append", default=[])
    options = parser.parse_args(arguments)
    keep = {kind: int(days) for kind, _, days in (one.partition("=") for one in options.keep)}
    try:
        done = run(options.directory, time.time_ns(), heated=options.heated, keep=keep)
    except BlockingIOError:
        logging.getLogger("engine.recorder").info("another process writes the history: the next run seals")
        return 0
    except (OSError, ValueError):
        logging.getLogger("engine.recorder").exception("sealing ended", extra={"directory": str(options.directory)})
        return 1
    logging.getLogger("engine.recorder").info("sealed", extra=done._asdict())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
