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
            "tests/engine/venues/sim/test_order_book.py",
            "tests/engine/venues/sim/test_market.py",
            "tests/engine/venues/sim/test_purses.py",
            "tests/engine/venues/sim/test_matching_rules.py",
            "tests/engine/venues/sim/test_order_lists.py",
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
        ("tests/engine/execution/test_order.py", "tests/engine/execution/test_fills.py"),
    ),
    "outcomes": Area(
        ("engine/venues/binance/trading.py", "engine/venues/trading.py"),
        (
            "tests/engine/venues/binance/test_trading.py",
            "tests/engine/venues/binance/test_outcomes.py",
            "tests/engine/venues/test_dialect_answers.py",
            "tests/engine/execution/test_gateway.py",
            "tests/engine/execution/test_unreadable.py",
        ),
    ),
    "recovery": Area(
        (
            "engine/execution/recovery.py",
            "engine/execution/strangers.py",
            "engine/execution/contradictions.py",
            "engine/execution/balances.py",
            "engine/execution/baseline.py",
        ),
        (
            "tests/engine/execution/test_questions.py",
            "tests/engine/execution/test_recovery.py",
            "tests/engine/execution/test_strangers.py",
            "tests/engine/execution/test_contradictions.py",
            "tests/engine/execution/test_baseline.py",
            "tests/engine/execution/test_balances.py",
        ),
    ),
    "book rules": Area(
        (
            "engine/venues/binance/market.py",
            "engine/venues/coinbase/market.py",
            "engine/venues/kraken/market.py",
            "engine/venues/channels.py",
        ),
        (
            "tests/engine/venues/test_dialects.py",
            "tests/engine/venues/test_metadata.py",
            "tests/engine/venues/test_dialect_answers.py",
            "tests/engine/feed/test_chain.py",
            "tests/engine/feed/test_golden_frames.py",
        ),
    ),
}
