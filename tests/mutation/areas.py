"""Which modules are mutated, and which tests must notice."""

from typing import NamedTuple


class Area(NamedTuple):
    """Modules of one subject, and the tests nearest to them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = {
    "matching": Area(
        (
            "engine/loopback/matching.py",
            "engine/loopback/order_book.py",
            "engine/loopback/orders.py",
            "engine/loopback/ledger.py",
            "engine/loopback/market.py",
        ),
        (
            "tests/engine/loopback/test_order_book.py",
            "tests/engine/loopback/test_market.py",
            "tests/engine/loopback/test_purses.py",
            "tests/engine/loopback/test_matching_rules.py",
            "tests/engine/loopback/test_order_lists.py",
            "tests/engine/loopback/test_matching.py",
            "tests/engine/loopback/test_priority.py",
        ),
    ),
    "ledgers": Area(
        ("engine/model/holdings.py", "engine/execution/orders/ledger.py", "engine/strategy/api/ledger.py"),
        (
            "tests/engine/model/test_holdings.py",
            "tests/engine/execution/orders/test_ledger.py",
            "tests/engine/strategy/api/test_ledger.py",
        ),
    ),
    "gate": Area(("engine/risk/gate.py", "engine/risk/limits.py"), ("tests/engine/risk",)),
    "order states": Area(
        ("engine/execution/orders/order.py", "engine/execution/orders/fills.py"),
        ("tests/engine/execution/orders/test_order.py", "tests/engine/execution/orders/test_fills.py"),
    ),
    "outcomes": Area(
        ("engine/venues/binance/trading/reader.py", "engine/venues/trading/news.py", "engine/venues/trading/right.py"),
        (
            "tests/engine/venues/test_trading_right.py",
            "tests/engine/venues/binance/test_trading.py",
            "tests/engine/venues/binance/test_outcomes.py",
            "tests/engine/venues/test_dialect_answers.py",
            "tests/engine/execution/venue/test_session.py",
            "tests/engine/execution/venue/test_unreadable.py",
        ),
    ),
    "recovery": Area(
        (
            "engine/execution/venue/recovery.py",
            "engine/execution/venue/strangers.py",
            "engine/execution/venue/contradictions.py",
            "engine/execution/venue/balances.py",
            "engine/execution/venue/baseline.py",
        ),
        (
            "tests/engine/execution/test_questions.py",
            "tests/engine/execution/venue/test_recovery.py",
            "tests/engine/execution/venue/test_strangers.py",
            "tests/engine/execution/venue/test_contradictions.py",
            "tests/engine/execution/venue/test_baseline.py",
            "tests/engine/execution/venue/test_balances.py",
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
            "tests/engine/feed/books/test_connection_sequence.py",
            "tests/engine/feed/test_golden_frames.py",
        ),
    ),
}
