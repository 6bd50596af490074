"""A role that does next to nothing, for the processes of these tests; it fails or hangs when told to."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Config


class Tiny:
    """Counts its steps; a file in the run directory tells it to misbehave."""

    def __init__(self, name: str, directory: Path) -> None:
        """Remember where the orders lie."""
        self.name = name
        self.directory = directory
        self.steps = 0

    def step(self, now_ns: int) -> int:
        """Look for orders now and then."""
        del now_ns
        self.steps += 1
        assert not (self.directory / f"{self.name}.fail").exists(), "told to fail"
        while (self.directory / f"{self.name}.loop").exists():
            pass
        return 0

    def drain(self, now_ns: int) -> bool:
        """Drained at once, and tell that it was asked."""
        del now_ns
        (self.directory / f"{self.name}.drained").touch()
        return True

    def close(self) -> None:
        """Tell that it was closed."""
        (self.directory / f"{self.name}.closed").touch()


def build(config: "Config", name: str) -> Tiny:
    """What the runtime calls."""
    if (config.paths.run / f"{name}.refuse").exists():
        msg = "told to refuse"
        raise ValueError(msg)
    return Tiny(name, config.paths.run)
