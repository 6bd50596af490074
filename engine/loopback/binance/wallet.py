"""Requests that clients send at their start beside the spot API: the wallet's coins, fees, margin pairs and futures.

There is no margin and there are no futures here: their answers are empty.
"""

from engine.loopback.binance import render
from engine.loopback.binance.desk import Call
from engine.loopback.binance.queries import Queries


class Wallet:
    """The answers of /sapi, /fapi and /dapi."""

    def __init__(self, queries: Queries) -> None:
        """Read the same markets and accounts."""
        self.queries = queries

    def trade_fee(self, call: Call) -> list[dict[str, object]]:
        """asset/tradeFee: of one market or of all."""
        markets = [self.queries.matching.books[symbol].market for symbol in self.queries.symbols_of(call)]
        return [
            {
                "symbol": m.symbol,
                "makerCommission": render.text(m.fee_maker),
                "takerCommission": render.text(m.fee_taker),
            }
            for m in markets
        ]

    def restrictions(self, call: Call) -> dict[str, object]:
        """account/apiRestrictions: what the key that signed the request may do."""
        assert call.key is not None, "a signed request has its key"
        return {
            "ipRestrict": call.key.is_bound,
            "createTime": 0,
            "enableReading": True,
            "enableSpotAndMarginTrading": call.key.may_trade,
            "enableWithdrawals": call.key.may_withdraw,
            "enableInternalTransfer": False,
            "permitsUniversalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "enableVanillaOptions": False,
            "enablePortfolioMarginTrading": False,
        }

    def coins(self, call: Call) -> list[dict[str, object]]:
        """capital/config/getall: the account's coins; no coin can be deposited or withdrawn."""
        account = self.queries.matching.ledger.accounts[call.account]
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
            for asset in sorted(self.queries.assets())
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
