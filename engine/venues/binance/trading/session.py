"""Binance spot's trading session: every request of the seam, over one WebSocket both ways.

`requests.py` writes the bytes of a request, `reader.py` reads an answer, `stages.py` brings the session up and answers
what the venue does not.
"""

from engine.venues.binance.trading.fill_order import BinanceFillOrder
from engine.venues.binance.trading.stages import Stages
from engine.venues.session import Ask, Request, Waits
from engine.venues.trading.budget import ORDER
from engine.venues.trading.fill_order import FillOrder


class BinanceSession(Stages):
    """One session of one account, logged on by an Ed25519 key."""

    amends = True
    fill_order: FillOrder = BinanceFillOrder()

    def place(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes, now_ns: int
    ) -> bool:
        """Place a limit order; the hot one, so the request is made once its bytes have left."""
        self.clearance.spend(instrument, side, price, size, now_ns)
        number = next(self._numbers)
        payload = self._wire.place(
            number, instrument, side, time_in_force, price, size, client_id, now_ns + self.clock.offset_ns
        )
        if self._port is None or not self._port.send(payload):
            return False
        self._requests[number] = Request(Ask.PLACE, now_ns, client_id)
        self.budget.spend(ORDER, now_ns)
        return True

    def place_native(
        self, waits: Waits, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes,
        now_ns: int,
    ) -> bool:  # fmt: skip
        """Place an order that waits at the venue."""
        self.clearance.spend_waiting(instrument, side, size, now_ns)
        number, venue_ns = next(self._numbers), self.clock.venue_ns(now_ns)
        payload = self._wire.place_native(
            number, waits, instrument, side, time_in_force, price, size, client_id, venue_ns
        )  # fmt: skip
        return self._send(number, payload, Request(Ask.PLACE, now_ns, client_id))

    def place_pair(
        self, stop: Waits, instrument: int, side: int, stop_limit: int, price: int, size: int, first: bytes,
        second: bytes, now_ns: int,
    ) -> bool:  # fmt: skip
        """Place a stop and a limit order as an order list."""
        self.clearance.spend(instrument, side, price, size, now_ns)
        number, venue_ns = next(self._numbers), self.clock.venue_ns(now_ns)
        payload = self._wire.place_pair(
            number, stop, instrument, side, stop_limit, price, size, first, second, venue_ns
        )  # fmt: skip
        return self._send(number, payload, Request(Ask.PAIR, now_ns, first, second=second))

    def warm_place(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes, now_ns: int
    ) -> None:
        """Run the code of `place` without a number and without sending."""
        payload = self._wire.place(
            0, instrument, side, time_in_force, price, size, client_id, now_ns + self.clock.offset_ns
        )
        if self._port is not None:
            self._port.warm(payload)

    def replace(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes,
        replaced: bytes, now_ns: int,
    ) -> bool:  # fmt: skip
        """Cancel an order that has no fill, and only then place another."""
        self.clearance.spend(instrument, side, price, size, now_ns)
        number = next(self._numbers)
        payload = self._wire.replace(
            number, instrument, side, time_in_force, price, size, client_id, replaced, self.clock.venue_ns(now_ns)
        )
        return self._send(number, payload, Request(Ask.REPLACE, now_ns, client_id, replaced))

    def amend(self, instrument: int, client_id: bytes, size: int, now_ns: int) -> bool:
        """Lower an order's size in place."""
        self.clearance.spend(instrument, 0, 0, size, now_ns)
        number = next(self._numbers)
        payload = self._wire.amend(number, instrument, client_id, size, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.AMEND, now_ns, client_id))

    def cancel(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """Cancel an order."""
        number = next(self._numbers)
        payload = self._wire.cancel(number, instrument, client_id, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.CANCEL, now_ns, client_id))

    def cancel_of_symbol(self, symbol: str, client_id: bytes, now_ns: int) -> bool:
        """Cancel an order of any symbol, configured or not."""
        number = next(self._numbers)
        payload = self._wire.cancel_of_symbol(number, symbol, client_id, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.CANCEL, now_ns, client_id))

    def status(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """Ask for one order."""
        number = next(self._numbers)
        payload = self._wire.status(number, instrument, client_id, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.STATUS, now_ns, client_id))

    def owner(self, instrument: int, venue_order_id: bytes, now_ns: int) -> bool:
        """Ask for one order by the venue's id."""
        number = next(self._numbers)
        payload = self._wire.status_by_venue_id(number, instrument, venue_order_id, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.OWNER, now_ns, instrument=instrument, key=venue_order_id))

    def open_orders(self, now_ns: int) -> bool:
        """Ask for every open order of the account."""
        number = next(self._numbers)
        payload = self._wire.open_orders(number, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.OPEN_ORDERS, now_ns))

    def fills_of(self, instrument: int, client_id: bytes, venue_order_id: bytes, now_ns: int) -> bool:
        """Ask for the fills of one order; the venue lists them by its own id."""
        number = next(self._numbers)
        payload = self._wire.fills_of(number, instrument, venue_order_id, self.clock.venue_ns(now_ns))
        request = Request(Ask.FILLS_OF, now_ns, client_id, instrument=instrument, key=venue_order_id)
        return self._send(number, payload, request)

    def fills_since(self, instrument: int, cursor: bytes, now_ns: int) -> bool:
        """Ask for the account's fills after a cursor, which is a trade's id."""
        number = next(self._numbers)
        payload = self._wire.fills_after(number, instrument, cursor, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.FILLS_SINCE, now_ns, instrument=instrument, key=cursor))

    def newest_fill(self, instrument: int, now_ns: int) -> bool:
        """Ask for the account's newest fill."""
        number = next(self._numbers)
        payload = self._wire.fills_last(number, instrument, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.NEWEST_FILL, now_ns, instrument=instrument))

    def balances(self, now_ns: int) -> bool:
        """Ask for the account's balances, and whether it may trade."""
        number = next(self._numbers)
        payload = self._wire.balances(number, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.BALANCES, now_ns))

    def trading_right(self, instrument: int, now_ns: int) -> bool:
        """Send a test order, which the venue never places: filters may refuse it, a missing right must."""
        number = next(self._numbers)
        payload = self._wire.test_order(number, instrument, self.clock.venue_ns(now_ns))
        return self._send(number, payload, Request(Ask.RIGHT, now_ns, instrument=instrument))
