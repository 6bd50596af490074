from collections.abc import Callable
from ssl import MemoryBIO

from engine.venues.wire.frames import FrameReader

def decrypt(read: Callable[..., object], incoming: MemoryBIO, reader: FrameReader, record_limit: int) -> None: ...
