"""The hash of code: of a strategy's files, and of the engine that runs it. Another hash: a result may differ."""

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from engine.strategy.imported import files_of, reached

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ("shm", "engine", "research")
CODE = (".py", ".so")


def _digest_of(files: Iterable[Path], root: Path) -> str:
    """One hash of files, with their names under a directory."""
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(files):
        found.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode())
        found.update(file.read_bytes())
    return found.hexdigest()


@functools.cache
def engine_code() -> str:
    """The hash of the engine's files, as they run: Python's and the compiled ones."""
    return _digest_of(
        (one for name in ENGINE for one in (ROOT / name).rglob("*") if one.suffix in CODE and one.is_file()), ROOT
    )


def code_of(strategy: str, beside: str) -> str:
    """The hash of a strategy's module and of the modules under `beside` that it imports, directly or not.

    Modules from elsewhere, and those that the code imports by a computed name, are not in the hash.
    """
    root, module = Path(beside).resolve(), strategy.partition(":")[0]
    if not beside or module.split(".")[0] in ENGINE or not files_of(root, module):
        return engine_code()
    return _digest_of(reached(root, module), root)
