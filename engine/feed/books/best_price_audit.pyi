from typing import final

@final
class BestPriceAudit:
    bbo_checked: int
    bbo_equal: int
    best_checked: int
    best_equal: int
    def close(self) -> None: ...
