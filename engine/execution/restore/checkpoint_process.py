"""Makes a checkpoint: `python -m engine.execution.restore.checkpoint_process`, the request on stdin as JSON."""

import sys

import msgspec

from engine import log
from engine.execution.restore.checkpoint import Request, advance


def main() -> int:
    """Make the checkpoint."""
    log.begin("checkpoint")
    advance(msgspec.json.decode(sys.stdin.buffer.read(), type=Request))
    return 0


if __name__ == "__main__":
    sys.exit(main())
