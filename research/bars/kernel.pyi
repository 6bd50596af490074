from collections.abc import Mapping
from typing import Any, TypeAlias

from research.simulate.matching.schedule import Schedule

_Account: TypeAlias = tuple[int, int, int, float, float]
_Curve: TypeAlias = Mapping[str, Any]

class Market:
    rows: int
    def __init__(
        self,
        start_ns: Any,
        opens: Any,
        closes: Any,
        sums: Any,
        values: Any,
        half: int,
        price_decimals: int,
        size_decimals: int,
    ) -> None: ...
    def cross(self, schedule: Schedule, fast: int, slow: int, size: int, curve: _Curve | None = None) -> _Account: ...
    def hold(self, schedule: Schedule, sides: Any, size: int, curve: _Curve | None = None) -> _Account: ...
