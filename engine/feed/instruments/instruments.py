"""A copy of the venue's metadata on disk, so that a feed starts while the venue's REST side is down."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from engine.config.private import open_private
from engine.model.instrument import Instrument


@dataclass(frozen=True, slots=True)
class Kept:
    """Instruments from disk, and when the venue sent them."""

    instruments: tuple[Instrument, ...]
    loaded_ns: int


def save_instruments(path: str, instruments: Iterable[Instrument], now_ns: int) -> None:
    """Replace the copy in one step: a reader finds the old copy or this one."""
    content = {"loaded_ns": now_ns, "instruments": [asdict(one) for one in instruments]}
    temporary = Path(f"{path}.{os.getpid()}.making")
    with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(orjson.dumps(content))
    temporary.replace(path)


def load_instruments(path: str) -> Kept | None:
    """Return the copy; None if it is missing or cannot be read."""
    if not path or not Path(path).exists():
        return None
    try:
        content = orjson.loads(Path(path).read_bytes())
        return Kept(tuple(Instrument(**one) for one in content["instruments"]), content["loaded_ns"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
