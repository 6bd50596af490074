"""Which code a strategy is: the files of its class and of the classes that it extends, up to `Strategy`.

files(kind)    what Python runs, a compiled module too: a saved state belongs to exactly this
source(kind)   a hash of what the author wrote: the same for a file and for what `engine-ctl strategy build` made of it
"""

import hashlib
import sys
from pathlib import Path

from engine.strategy.api.strategy import Strategy


def name_of(kind: type[Strategy]) -> str:
    """module:class, of the module that defines it."""
    return f"{kind.__module__}:{kind.__qualname__}"


def files(kind: type[Strategy]) -> bytes:
    """The class's name with the bytes of each file; of a module without one, as in a notebook, its name alone."""
    return kind.__qualname__.encode() + b"".join(_bytes_of(one, _file_of(one)) for one in _modules(kind))


def source(kind: type[Strategy]) -> str:
    """A hash of the class's name and its sources."""
    parts = [_bytes_of(one, _source_of(_file_of(one))) for one in _modules(kind)]
    return hashlib.sha256(kind.__qualname__.encode() + b"".join(parts)).hexdigest()


def _modules(kind: type[Strategy]) -> list[str]:
    """The modules of the class and of its bases below `Strategy`."""
    return sorted({one.__module__ for one in kind.__mro__[: kind.__mro__.index(Strategy)]})


def _file_of(module: str) -> Path | None:
    """A module's file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file else None


def _source_of(file: Path | None) -> Path | None:
    """The source of a compiled module if it is beside it; the file itself otherwise."""
    if file is None:
        return None
    written = file.with_name(file.name.partition(".")[0] + ".py")
    return written if written.exists() else file


def _bytes_of(module: str, file: Path | None) -> bytes:
    """A module's name and the bytes of a file."""
    return module.encode() + (file.read_bytes() if file is not None else b"")
