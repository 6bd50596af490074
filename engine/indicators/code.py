"""The hash of the code that computes an indicator: a model remembers it, and is refused where it is another one now."""

import hashlib
import sys
from pathlib import Path

from engine.indicators.catalogue import make

HOME = Path(__file__).parent
SHARED = (HOME / "indicator.pyx", *HOME.glob("*.pxd"))  # what several indicators use


def code_of(name: str) -> str:
    """The hash of an indicator's source and parameters: the same on each machine that has this source."""
    one = make(name)
    file = sys.modules[type(one).__module__].__file__
    assert file is not None
    found = hashlib.blake2b(repr((one.output, sorted(one.parameters.items()))).encode(), digest_size=16)
    compiled = Path(file).with_name(type(one).__module__.rpartition(".")[2] + ".pyx")
    for source in sorted({compiled if compiled.exists() else Path(file), *SHARED}):
        found.update(source.read_bytes())
    return found.hexdigest()
