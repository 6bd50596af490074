from collections.abc import Callable

from typing_extensions import Buffer

HEAD_SIZE: int

def pack(receive_ns: int, connection: int, kind: int, payload: bytes) -> bytes: ...
def count_of(entries: bytes) -> int: ...
def unpack(
    block: bytes, wanted: dict[int, bool], meet: Callable[[bytes], bool]
) -> list[tuple[int, int, int, bytes]]: ...
def gather(
    entries: list[tuple[int, int, int, bytes]],
    place: int,
    until_ns: int,
    limit: int,
    frames: list[bytes],
    times: list[int],
) -> int: ...

class Assembler:
    size: int
    first_ns: int
    last_ns: int
    count: int
    frames: int
    octets: int
    lost: int
    losses: int
    ended: list[int]
    def __init__(self, meet: Callable[[int, bool], tuple[bool, bytes]]) -> None: ...
    def add_overtaken(self, count: int) -> None: ...
    def add(self, entry: bytes) -> None: ...
    def assemble(self, block: Buffer) -> None: ...
    def settle(self, now_ns: int) -> None: ...
    def remove_whole(self) -> tuple[bytes, int, int, int]: ...
