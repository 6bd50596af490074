from collections.abc import Sequence
from typing import Any, Self, final

@final
class MarginAccount:
    def __new__(
        cls,
        wallet: int,
        units: Sequence[int],
        lines: Sequence[Sequence[tuple[int, int, int, int]]],
        leverage: int,
        decimals: int,
        dues: Any,
        symbols: Sequence[str],
    ) -> Self: ...
    def paid(self) -> list[tuple[int, int, int, int, int, int]]: ...
