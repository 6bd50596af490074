from collections.abc import Sequence
from typing import Self, final

@final
class Balances:
    def __new__(cls, amounts: Sequence[int], units: Sequence[tuple[int, ...]], rate: int) -> Self: ...
    def amounts_of(self) -> list[tuple[int, int]]: ...
