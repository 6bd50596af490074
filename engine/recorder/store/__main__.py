"""`python -m engine.recorder.store DIRECTORY [KIND …]`: one run, as the recorder starts it; the kinds are heated."""

import logging
import sys
import time
from pathlib import Path

from engine import log
from engine.recorder.store.run import run


def main(arguments: list[str]) -> int:
    """Run once."""
    log.begin("seal")
    directory, *heated = arguments
    try:
        done = run(Path(directory), time.time_ns(), heated=heated)
    except (OSError, ValueError):
        logging.getLogger("engine.recorder").exception("sealing ended", extra={"directory": directory})
        return 1
    logging.getLogger("engine.recorder").info("sealed", extra=done._asdict())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
