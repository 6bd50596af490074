"""Which code a strategy is.

    files(kind)    what Python runs of the class and its bases, a compiled file too: a saved state belongs to this
    source(kind)   a hash of what the author wrote, with the modules beside it that it imports: the same for a file and
                   for what `engine-ctl strategy build` made of it

The engine's own classes, `Strategy` and the samples' helpers, are not the author's: of a sample its own file counts.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.strategy.api.strategy import Strategy
from engine.strategy.imported import reached

OURS = ("shm", "engine", "research")


def name_of(kind: type[Strategy]) -> str:
    """module:class, of the module that defines it."""
    return f"{kind.__module__}:{kind.__qualname__}"


def files(kind: type[Strategy]) -> bytes:
    """The class's name with the bytes of each file; of a module without one, as in a notebook, its name alone."""
    parts = [one.encode() + (file.read_bytes() if file else b"") for one, file in _modules(kind)]
    return kind.__qualname__.encode() + b"".join(parts)


def source(kind: type[Strategy]) -> str:
    """A hash of the class's name and of its sources."""
    found = hashlib.sha256(kind.__qualname__.encode())
    for module, file in _modules(kind):
        found.update(module.encode())
        for one in sorted(_sources(module, file)) if file else ():
            found.update(f"{one.name}\0{one.stat().st_size}\0".encode())
            found.update(one.read_bytes())
    return found.hexdigest()


def _modules(kind: type[Strategy]) -> Iterator[tuple[str, Path | None]]:
    """The modules of the class and of its bases below `Strategy`, each with its file."""
    for module in sorted({one.__module__ for one in kind.__mro__[: kind.__mro__.index(Strategy)]}):
        file = getattr(sys.modules.get(module), "__file__", None)
        yield module, Path(file) if file else None


def _sources(module: str, file: Path) -> set[Path]:
    """The author's files of a module: its source, or its file if there is none, and those that it imports beside it."""
    written = file.with_name(file.name.partition(".")[0] + ".py")
    mine = {written if written.exists() else file}
    if module.split(".", maxsplit=1)[0] in OURS or not written.exists():
        return mine
    root = file.parents[len(module.split(".")) - (file.name != "__init__.py")]
    return mine | {one for one in reached(root.resolve(), module) if one.suffix == ".py"}
