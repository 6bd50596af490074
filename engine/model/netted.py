"""The two fills of a NETTED record: a buyer and a seller of one account, at one price, without a fee.

The venue never had them, so they have an identity of our own in the place of the venue's: that of the order.
"""

from engine.model.records import FILL
from engine.model.rows import FillRow, NettedRow
from engine.model.words import BUY, SELL, FillFlag


def fills_of(row: NettedRow) -> tuple[FillRow, FillRow]:
    """The buyer's fill and the seller's."""
    return (
        _fill(row, BUY, row.buy_client_id, row.buy_intent_id, row.buy_strategy),
        _fill(row, SELL, row.sell_client_id, row.sell_intent_id, row.sell_strategy),
    )


def _fill(row: NettedRow, side: int, client_id: bytes, intent_id: int, strategy: int) -> FillRow:
    whole = client_id.ljust(16, b"\0")
    return FILL.row(
        client_id=whole, intent_id=intent_id, venue_fill_id=b"net-" + whole.hex().encode(), venue_order_id=b"",
        venue_ns=0, receive_ns=row.now_ns, price=row.price, size=row.size, fee=0, fee_value=0, dust=0, fee_asset=b"",
        strategy=strategy, instrument=row.instrument, side=side, maker=0, flags=FillFlag.INTERNAL,
        account=row.account,
    )  # fmt: skip
