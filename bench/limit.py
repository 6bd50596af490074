"""The bare C loop, compiled where it runs: what no Python can be faster than."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ("-O3", "-std=gnu11", "-fno-strict-aliasing", "-pthread")


class Limit:
    """The compiled program, on two cores."""

    def __init__(self, program: Path, cores: tuple[int, int]) -> None:
        """Ready to run."""
        self._program, self._cores = program, [str(core) for core in cores]

    def raw(self, chunks: int) -> float:
        """One transfer of a cache line, in nanoseconds."""
        return self._run("raw", chunks)["p50"]

    def trip(self, size: int, count: int) -> dict[str, float]:
        """Half of a record's way there and back."""
        return self._run("trip", size, count)

    def stream(self, size: int, count: int, batch: int) -> float:
        """Records a second with none lost."""
        return self._run("stream", size, count // batch * batch, batch)["p50"]

    def _run(self, what: str, *values: int) -> dict[str, float]:
        command = [str(self._program), what, *self._cores, *map(str, values)]
        output = subprocess.run(command, check=True, capture_output=True, timeout=20).stdout
        found: dict[str, float] = json.loads(output)
        return found


@contextmanager
def compiled(cores: tuple[int, int]) -> Iterator[Limit]:
    """Compile limit.c over the header of this very tree."""
    with tempfile.TemporaryDirectory(prefix="bench-limit-") as directory:
        program = Path(directory) / "limit"
        source = [f"-I{HERE.parent / 'shm'}", str(HERE / "limit.c"), "-o", str(program)]
        subprocess.run(["cc", *FLAGS, *source], check=True)
        yield Limit(program, cores)
