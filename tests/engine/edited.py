"""A shipped configuration with one change, for `check`."""

from pathlib import Path

from engine.cli import main

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def checked(directory: Path, name: str, old: str, new: str) -> int:
    """The exit code of `check` for this file of configs/ with a change."""
    text = (CONFIGS / name).read_text()
    assert old in text
    file = directory / name
    file.write_text(text.replace(old, new))
    return main(["check", str(file)])
