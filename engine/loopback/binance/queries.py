"""The requests that only read: the venue's state, books and prints, and an account's own state."""

from collections.abc import Callable

from engine.loopback.binance import render
from engine.loopback.binance.desk import Call, Desk
from engine.loopback.binance.errors import ApiError
from engine.loopback.history import History
from engine.loopback.market import SCALE

View = Callable[[str], dict[str, object]]
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))


class Queries:
    """The reading requests."""

    def __init__(self, desk: Desk) -> None:
        """Read this desk's books."""
        self.desk, self.matching = desk, desk.matching
        self.histories = {symbol: History(book.trade_id) for symbol, book in self.matching.books.items()}

    def ping(self, _: Call) -> dict[str, object]:
        """The request `ping`."""
        return {}

    def time(self, call: Call) -> dict[str, object]:
        """The request `time`."""
        return {"serverTime": call.now_ns // call.unit}

    def exchange(self, call: Call) -> dict[str, object]:
        """exchangeInfo, of all markets or of the requested ones."""
        wanted = self.symbols_of(call)
        return {
            "timezone": "UTC",
            "serverTime": call.now_ns // call.unit,
            "rateLimits": self.desk.limits.view(),
            "exchangeFilters": [],
            "symbols": [render.symbol_view(self.matching.books[name].market) for name in wanted],
            "sors": [],
        }

    def depth(self, call: Call) -> dict[str, object]:
        """depth: both sides with the book's update id."""
        book = self.matching.books[self.desk.market(call.parameters).symbol]
        limit = call.parameters.limit(100, 5000)
        return {
            "lastUpdateId": book.update_id,
            "bids": [[render.text(price), render.text(size)] for price, size in book.bids.depth(limit)],
            "asks": [[render.text(price), render.text(size)] for price, size in book.asks.depth(limit)],
        }

    def trades(self, call: Call, first: int | None = None) -> list[dict[str, object]]:
        """trades.recent, or the trades from an id on."""
        symbol = self.desk.market(call.parameters).symbol
        limit = call.parameters.limit(500, 1000)
        market = self.matching.books[symbol].market
        found = [one for one in self.histories[symbol].trades if first is None or one.trade_id >= first]
        return [
            {
                "id": one.trade_id,
                "price": render.text(one.price),
                "qty": render.text(one.size),
                "quoteQty": render.text(market.notional(one.price, one.size)),
                "time": one.now_ns // call.unit,
                "isBuyerMaker": one.buyer_is_maker,
                "isBestMatch": True,
            }
            for one in (found[-limit:] if first is None else found[:limit])
        ]

    def best(self, call: Call) -> object:
        """ticker.book, of one market or of all."""
        return self.each(call, self._best)

    def price(self, call: Call) -> object:
        """ticker.price, of one market or of all."""
        return self.each(call, lambda symbol: {"symbol": symbol, "price": self._last(symbol)})

    def account(self, call: Call) -> dict[str, object]:
        """account.status."""
        account = self.matching.ledger.accounts[call.account]
        empty_too = call.parameters.text("omitZeroBalances") != "true"
        rate = render.text(next(iter(self.matching.books.values())).market.fee_taker)
        maker = render.text(next(iter(self.matching.books.values())).market.fee_maker)
        assets = sorted(self.assets())
        return {
            "makerCommission": int(maker.replace(".", "")) // 10_000,
            "takerCommission": int(rate.replace(".", "")) // 10_000,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": maker, "taker": rate, "buyer": render.ZERO, "seller": render.ZERO},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": account.update_ns // call.unit,
            "accountType": "SPOT",
            "balances": [
                render.balance(account, asset)
                for asset in assets
                if empty_too or account.free[asset] or account.locked[asset]
            ],
            "permissions": ["SPOT"],
            "uid": list(self.matching.ledger.accounts).index(call.account) + 1,
        }

    def order_use(self, call: Call) -> list[dict[str, object]]:
        """account.rateLimits.orders."""
        return self.desk.limits.order_use(call.account, call.now_ns)

    def commission(self, call: Call) -> dict[str, object]:
        """account.commission."""
        market = self.desk.market(call.parameters)
        burn = self.matching.ledger.accounts[call.account].burn
        none = {"maker": render.ZERO, "taker": render.ZERO, "buyer": render.ZERO, "seller": render.ZERO}
        fees = {"maker": render.text(market.fee_maker), "taker": render.text(market.fee_taker)}
        return {
            "symbol": market.symbol,
            "standardCommission": {**none, **fees},
            "specialCommission": none,
            "taxCommission": none,
            "discount": {
                "enabledForAccount": burn is not None,
                "enabledForSymbol": burn is not None,
                "discountAsset": burn.asset if burn else "BNB",
                "discount": render.text(SCALE - burn.discount) if burn else "0.75000000",
            },
        }

    def assets(self) -> set[str]:
        """Every asset of the venue's markets."""
        return {asset for book in self.matching.books.values() for asset in (book.market.base, book.market.quote)}

    def symbols_of(self, call: Call) -> list[str]:
        """The markets that a request names, or all markets."""
        names = call.parameters.symbols()
        if any(name not in self.matching.books for name in names):
            raise ApiError(-1121, "Invalid symbol.")
        return names or list(self.matching.books)

    def each(self, call: Call, view: View) -> object:
        """A view of the requested market, or a list of views of several or all markets."""
        found = [view(symbol) for symbol in self.symbols_of(call)]
        return found[0] if call.parameters.text("symbol") else found

    def _best(self, symbol: str) -> dict[str, object]:
        """The best of both sides."""
        book = self.matching.books[symbol]
        (bid, bid_size), (ask, ask_size) = book.bids.best(), book.asks.best()
        return {
            "symbol": symbol,
            "bidPrice": render.text(bid),
            "bidQty": render.text(bid_size),
            "askPrice": render.text(ask),
            "askQty": render.text(ask_size),
        }

    def _last(self, symbol: str) -> str:
        """The last price as text."""
        return render.text(self.matching.books[symbol].last_price)


def depth_weight(call: Call) -> int:
    """The weight of a depth request."""
    limit = call.parameters.limit(100, 5000)
    return next(weight for most, weight in DEPTH_WEIGHTS if limit <= most)
