"""What clients ask beside the spot API when they start: the wallet's coins, fees, margin pairs and futures markets.

There is no margin and there are no futures here, and the answers say so by being empty.
"""

from engine.loopback.binance import render
from engine.loopback.binance.desk import Call
from engine.loopback.binance.looks import Looks


class Wallet:
    """The answers of /sapi, /fapi and /dapi."""

    def __init__(self, looks: Looks) -> None:
        """Look at the same markets and accounts."""
        self.looks = looks

    def trade_fee(self, call: Call) -> list[dict[str, object]]:
        """asset/tradeFee: of one market or of all."""
        markets = [self.looks.matching.books[symbol].market for symbol in self.looks.wanted(call)]
        return [
            {
                "symbol": m.symbol,
                "makerCommission": render.text(m.fee_maker),
                "takerCommission": render.text(m.fee_taker),
            }
            for m in markets
        ]

    def coins(self, call: Call) -> list[dict[str, object]]:
        """capital/config/getall: what the account has of each coin; nothing leaves or enters over a network."""
        account = self.looks.matching.ledger.accounts[call.account]
        none = dict.fromkeys(("freeze", "withdrawing", "ipoing", "ipoable", "storage"), "0")
        return [
            {
                "coin": asset,
                "name": asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "trading": True,
                "isLegalMoney": False,
                "free": render.text(account.free[asset]),
                "locked": render.text(account.locked[asset]),
                **none,
                "networkList": [],
            }
            for asset in sorted(self.looks.assets())
        ]

    def no_pairs(self, _: Call) -> list[object]:
        """margin/allPairs and margin/isolated/allPairs: none."""
        return []

    def no_futures(self, call: Call) -> dict[str, object]:
        """ExchangeInfo of the futures: no market."""
        return {
            "timezone": "UTC",
            "serverTime": call.now_ns // call.unit,
            "rateLimits": [],
            "exchangeFilters": [],
            "assets": [],
            "symbols": [],
        }
