"""Which modules are mutated, and which tests must notice."""

from typing import NamedTuple


class Area(NamedTuple):
    """Modules of one subject, and the tests nearest to them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = {
    "matching": Area(
        (
            "engine/venues/sim/matching.py",
            "engine/venues/sim/order_book.py",
            "engine/venues/sim/orders.py",
            "engine/venues/sim/ledger.py",
            "engine/venues/sim/market.py",
        ),
        (
            "tests/engine/venues/sim/test_matching_rules.py",
            "tests/engine/venues/sim/test_matching.py",
            "tests/engine/venues/sim/test_priority.py",
        ),
    ),
    "ledgers": Area(
        ("engine/model/holdings.py", "engine/execution/ledger.py", "engine/strategy/ledger.py"),
        (
            "tests/engine/model/test_holdings.py",
            "tests/engine/execution/test_ledger.py",
            "tests/engine/strategy/test_ledger.py",
        ),
    ),
    "gate": Area(("engine/risk/gate.py", "engine/risk/limits.py"), ("tests/engine/risk",)),
    "order states": Area(
        ("engine/execution/order.py", "engine/execution/fills.py"),
        ("tests/engine/execution/test_order.py", "tests/engine/execution/test_ledger.py"),
    ),
    "outcomes": Area(
        ("engine/venues/binance/trading.py", "engine/venues/trading.py"),
        ("tests/engine/venues/binance/test_trading.py", "tests/engine/venues/binance/test_outcomes.py"),
    ),
    "recovery": Area(
        ("engine/execution/recovery.py", "engine/execution/strangers.py"),
        ("tests/engine/execution/test_recovery.py", "tests/engine/execution/test_strangers.py"),
    ),
    "book rules": Area(
        (
            "engine/venues/binance/market.py",
            "engine/venues/coinbase/market.py",
            "engine/venues/kraken/market.py",
            "engine/venues/channels.py",
        ),
        ("tests/engine/venues", "tests/engine/feed"),
    ),
}
