"""Reports of the venue that cannot be true of the order that they name: each function returns the first contradiction.

A fill beyond the order's size or beyond the venue's own cumulative figure, on the other side, of another symbol or
another of the venue's orders, at no price, worse than the limit, with a fee above what was traded; a status FILLED with
less than the whole size, an end with less than the sum of the fills. Late or repeated reports are not
contradictions, so a figure is compared only with a later or a final one.
"""

from engine.execution.orders.order import FILLED, Order
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.text import shown
from engine.model.words import BUY, DONE_STATES, SELL, UNPRICED_TYPES
from engine.venues.trading.news import FillNews, OrderNews

ID_SIZE = 16  # bytes of an id of ours
HELD_MOST = 1 << 62  # a position's size beyond this may not fit its record after the next fill
VALUE_MOST = 1 << 100  # price x size; sums of 2^26 such fit the record's 128 bits
SIZE_MOST = 1 << 53  # of an adopted order, where the venue names no largest size


def of_fill(order: Order, fill: FillNews, one: Instrument, held: int, executed: int | None) -> str:
    """Why this fill cannot be the order's; "" when it can. `executed`: the venue's cumulative figure in the report."""
    figure = max(order.venue_filled, order.size if executed is None else executed)
    after = order.filled + fill.size
    wrong = (
        fill.symbol != one.symbol,
        _differ(fill.venue_order_id, order.venue_order_id),
        fill.side not in (0, order.side),
        fill.price <= 0 or fill.size <= 0,
        order.bound > 0 and order.side * (fill.price - order.bound) > 0,
        after > order.size,
        after > figure,
        abs(held) + fill.size > HELD_MOST or fill.price * fill.size > VALUE_MOST,
        _fee_exceeds(fill, one),
    )
    if True not in wrong:
        return ""
    return (
        f"it is a trade of {fill.symbol}, the order is of {one.symbol}",
        f"it names the venue's order {shown(fill.venue_order_id)}, ours is {shown(order.venue_order_id)}",
        f"it is on side {fill.side}, the order is on {order.side}",
        "its price or its size is 0",
        f"it is worse than the limit {order.bound}",
        f"with it {after} are filled, the order's size is {order.size}",
        f"with it {after} are filled, the venue's own figure is {figure}",
        "its price or size is too large for a position",
        f"its fee {fill.fee} is more than what was traded",
    )[wrong.index(True)]


def of_news(order: Order, news: OrderNews, symbol: str) -> str:
    """Why this cannot be the order's state; "" when it can."""
    size = min(news.size or order.size, order.size)
    wrong = (
        news.symbol != symbol,
        len(news.client_id) == ID_SIZE and news.client_id != order.client_id,
        _differ(news.venue_order_id, order.venue_order_id),
        news.side not in (0, order.side),
        news.size > max(order.size, order.amend_from),
        news.executed > order.size,
        news.state == FILLED and news.executed < size,
        news.state in DONE_STATES and news.executed < order.filled,
    )
    if True not in wrong:
        return ""
    return (
        f"it names {news.symbol}, the order is of {symbol}",
        f"it is of our order {news.client_id.hex()}, asked about {order.client_id.hex()}",
        f"it names the venue's order {shown(news.venue_order_id)}, ours is {shown(order.venue_order_id)}",
        f"it is on side {news.side}, the order is on {order.side}",
        f"its size is {news.size}, the order's {order.size}",
        f"{news.executed} are filled, the order's size is {order.size}",
        f"it is FILLED with {news.executed} of {size}",
        f"it ended with {news.executed} filled, its fills make up {order.filled}",
    )[wrong.index(True)]


def of_adopted(news: OrderNews, one: Instrument) -> str:
    """Why an order under an id of ours that is not in the journal cannot be adopted; "" when it can."""
    most = min(one.size_max or SIZE_MOST, SIZE_MOST)
    checks = (
        (news.side not in (BUY, SELL), f"it is on side {news.side}"),
        (not 0 < news.size <= most, f"its size is {news.size}, expected 1 to {most}"),
        (news.price <= 0 and news.order_type not in UNPRICED_TYPES, f"its price is {news.price}"),
        (news.executed > news.size, f"{news.executed} of {news.size} are filled"),
    )
    return next((why for wrong, why in checks if wrong), "")


def _differ(named: bytes, known: bytes) -> bool:
    """Whether both are known and not the same."""
    return bool(named) and bool(known) and named != known


def _fee_exceeds(fill: FillNews, one: Instrument) -> bool:
    """Whether a fee in the traded assets is more than what was traded, beyond one unit of the venue's precision."""
    asset = fill.fee_asset.decode()
    if asset == one.base:
        traded, decimals = fill.size, one.size_decimals
    elif asset == one.quote:
        traded, decimals = fill.price * fill.size, one.price_decimals + one.size_decimals
    else:
        return False
    return bool((abs(fill.fee) - 1) * 10**decimals > traded * 10**FEE_DECIMALS)
