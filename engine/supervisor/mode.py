"""The mode word: live, paper or replay, published once before any role starts.

One cell in shared memory. The supervisor writes the record between two changes of the cell's sequence, each with
release order; a reader loads the sequence with acquire order before and after it copies the record. So it gets a whole
record or reads again, on x86-64 and on aarch64. The word is written once in the life of the segment. If the file is
edited while the system is up, execution compares file and word at its start and refuses to start.
"""

from engine.config import Config
from engine.lanes import SUPERVISOR, open_lanes
from engine.model.words import Mode


def publish_mode(config: Config, now_ns: int) -> None:
    """Write the mode, unless this system has one."""
    lanes = open_lanes(config.system.name, SUPERVISOR)
    if lanes.cell_reader("mode").read(0) is None:
        writer = lanes.cell_writer("mode")
        writer.write(0, now_ns, Mode[config.system.mode.upper()], config.live.armed, (0,) * 6)
        writer.close()
