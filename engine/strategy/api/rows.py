"""The types of the hooks' arguments: rows of records.

Prices and sizes are fixed point in the decimals of the instrument, or of the group; times are wall-clock nanoseconds.
`engine.model.records` and `engine.model.aggregates` describe each field; a test compares these types with them. A row
is an immutable named tuple and may be kept.
"""

from typing import Protocol


class Print(Protocol):
    """A trade between others; `side` is the aggressor's."""

    receive_ns: int
    publish_ns: int
    venue_ns: int
    venue_sequence: int
    price: int
    size: int
    detail: int  # the print's number at the venue
    instrument: int
    kind: int
    side: int
    flags: int


class Fill(Protocol):
    """A fill of one of its orders."""

    client_id: bytes
    intent_id: int
    venue_fill_id: bytes
    venue_order_id: bytes
    venue_ns: int
    receive_ns: int
    price: int
    size: int
    fee: int
    fee_value: int
    dust: int
    fee_asset: bytes
    strategy: int
    instrument: int
    side: int
    maker: int
    flags: int
    account: int


class Verdict(Protocol):
    """Risk's answer to an intent."""

    intent_id: int
    now_ns: int
    value: int
    limit: int
    intent_sequence: int
    strategy: int
    instrument: int
    reason: int
    kind: int
    flags: int


class Bar(Protocol):
    """A closed bar."""

    start_ns: int
    interval_ns: int
    publish_ns: int
    tick_sequence: int
    instrument: int
    flags: int
    count: int
    open: int
    high: int
    low: int
    close: int
    volume_high: int
    volume_low: int
    bought_high: int
    bought_low: int
    notional_high: int
    notional_low: int
    first_print: int
    last_print: int
    late_count: int
    late_high: int
    late_low: int
    price_decimals: int
    size_decimals: int


class GlobalBook(Protocol):
    """The best levels of one group over all its venues."""

    receive_ns: int
    publish_ns: int
    tick_sequence: int
    change_count: int
    group: int
    state: int
    bids: int
    asks: int
    price_decimals: int
    size_decimals: int
    flags: int
    included: int
    imbalance: float
    spread_bps: float
    bid_price: tuple[int, ...]
    bid_size: tuple[int, ...]
    ask_price: tuple[int, ...]
    ask_size: tuple[int, ...]
    bid_members: tuple[int, ...]
    ask_members: tuple[int, ...]


class Opportunity(Protocol):
    """A profit between two venues' books after both fees."""

    opportunity_id: int
    receive_ns: int
    publish_ns: int
    begin_ns: int
    tick_sequence: int
    group: int
    buy_instrument: int
    sell_instrument: int
    kind: int
    flags: int
    price_decimals: int
    size_decimals: int
    buy_price: int
    sell_price: int
    edge_e8: int
    size: int
    buy_limit: int
    sell_limit: int
    buy_notional_high: int
    buy_notional_low: int
    sell_notional_high: int
    sell_notional_low: int
    profit_high: int
    profit_low: int
