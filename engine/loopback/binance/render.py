"""The matching engine's orders, fills and executions in Binance's fields. `unit` is 10^6 for ms, 10^3 for µs."""

from engine.loopback.candles import Candle, following
from engine.loopback.ledger import Account
from engine.loopback.market import DECIMALS, SCALE, Market
from engine.loopback.orders import TIMED, Amendment, Execution, Fill, Happening, Kind, Order, Prevented, Status
from engine.model.fixed import to_text
from engine.model.words import BUY

MILLISECOND, MICROSECOND = 1_000_000, 1_000
ZERO = "0.00000000"


def text(number: int) -> str:
    """An amount with its eight decimals."""
    if number < 0:
        return to_text(number, DECIMALS)
    return f"{number // SCALE}.{number % SCALE:08d}"  # the hottest line of the venue


def side_word(side: int) -> str:
    """BUY or SELL."""
    return "BUY" if side == BUY else "SELL"


def until_word(order: Order) -> str:
    """The time in force as Binance shows it: market and post-only orders are GTC."""
    return order.until if order.kind in TIMED else "GTC"


def list_id(order: Order) -> int:
    """The id of an order's list, or -1."""
    return -1 if order.order_list is None else order.order_list.id


def stamp(now_ns: int, unit: int) -> int:
    """A time in its unit, or -1 before it has come."""
    return now_ns // unit if now_ns >= 0 else -1


def identity(order: Order) -> dict[str, object]:
    """The fields that identify an order."""
    names = {"symbol": order.market.symbol, "orderId": order.id, "orderListId": list_id(order)}
    return {**names, "clientOrderId": order.client_id}


def amounts(order: Order) -> dict[str, object]:
    """An order's request and its fills."""
    return {
        "price": text(order.price),
        "origQty": text(order.size),
        "executedQty": text(order.filled),
        "origQuoteOrderQty": text(order.quote_size),
        "cummulativeQuoteQty": text(order.spent),
        "status": order.status,
        "timeInForce": until_word(order),
        "type": order.kind,
        "side": side_word(order.side),
    }


def condition(order: Order, unit: int) -> dict[str, object]:
    """A contingent order's stop price and trailing."""
    if not order.contingent:
        return {}
    trails = {"trailingDelta": order.trailing, "trailingTime": stamp(order.trailing_ns, unit)}
    return {"stopPrice": text(order.stop), **(trails if order.trailing else {})}


def prevention(order: Order) -> dict[str, object]:
    """The effect of self-trade prevention, if there was one."""
    if order.prevented_match_id < 0:
        return {}
    return {"preventedMatchId": order.prevented_match_id, "preventedQuantity": text(order.prevented)}


def placed(order: Order, shape: str, unit: int) -> dict[str, object]:
    """The answer to a placed order: ACK, RESULT or FULL."""
    answer = {**identity(order), "transactTime": order.update_ns // unit}
    if shape == "ACK":
        return answer
    answer |= {**amounts(order), **condition(order, unit), "workingTime": stamp(order.working_ns, unit)}
    answer |= {"selfTradePreventionMode": order.prevention, **prevention(order)}
    if order.expiry:
        answer["expiryReason"] = order.expiry
    if shape == "FULL":
        answer["fills"] = [placed_fill(fill) for fill in order.fills]
        if order.preventions:
            answer["preventedMatches"] = [
                {
                    "preventedMatchId": one.id,
                    "makerOrderId": one.maker_id,
                    "price": text(one.price),
                    "takerPreventedQuantity": text(one.taker_size),
                    "makerPreventedQuantity": text(one.maker_size),
                }
                for one in order.preventions
            ]
    return answer


def placed_fill(fill: Fill) -> dict[str, object]:
    """A fill in the answer to its order."""
    return {
        "price": text(fill.price),
        "qty": text(fill.size),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "tradeId": fill.trade_id,
    }


def cancelled(order: Order, cancel_id: str, unit: int) -> dict[str, object]:
    """The answer to a cancel."""
    return {
        "symbol": order.market.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.id,
        "orderListId": list_id(order),
        "clientOrderId": cancel_id,
        "transactTime": order.update_ns // unit,
        **amounts(order),
        **condition(order, unit),
        "selfTradePreventionMode": order.prevention,
        **prevention(order),
    }


def amended(order: Order, unit: int) -> dict[str, object]:
    """The answer to a reduced order."""
    latest = order.amendments[-1]
    return {
        "transactTime": latest.now_ns // unit,
        "executionId": latest.execution_id,
        "amendedOrder": {
            "symbol": order.market.symbol,
            "orderId": order.id,
            "orderListId": list_id(order),
            "origClientOrderId": latest.old_client_id,
            "clientOrderId": order.client_id,
            "price": text(order.price),
            "qty": text(order.size),
            "executedQty": text(order.filled),
            "preventedQty": text(order.prevented),
            "quoteOrderQty": text(order.quote_size),
            "cumulativeQuoteQty": text(order.spent),
            "status": order.status,
            "timeInForce": until_word(order),
            "type": order.kind,
            "side": side_word(order.side),
            "workingTime": stamp(order.working_ns, unit),
            "selfTradePreventionMode": order.prevention,
        },
    }


def amendment(order: Order, one: Amendment, unit: int) -> dict[str, object]:
    """One reduction in the list of an order's reductions."""
    return {
        "symbol": order.market.symbol,
        "orderId": order.id,
        "executionId": one.execution_id,
        "origClientOrderId": one.old_client_id,
        "newClientOrderId": one.client_id,
        "origQty": text(one.old_size),
        "newQty": text(one.size),
        "time": one.now_ns // unit,
    }


def prevented_match(one: Prevented, taker: Order, unit: int) -> dict[str, object]:
    """A prevented match, in the list of prevented matches."""
    sizes = {"takerPreventedQuantity": one.taker_size, "makerPreventedQuantity": one.maker_size}
    return {
        "symbol": taker.market.symbol,
        "preventedMatchId": one.id,
        "takerOrderId": taker.id,
        "makerSymbol": taker.market.symbol,
        "makerOrderId": one.maker_id,
        "tradeGroupId": 1,
        "selfTradePreventionMode": taker.prevention,
        "price": text(one.price),
        **{name: text(size) for name, size in sizes.items() if size},
        "transactTime": one.now_ns // unit,
    }


def kline(one: Candle, interval: str, unit: int, offset_ns: int = 0) -> list[object]:
    """A candle as a row of klines."""
    return [
        one.open_ns // unit,
        text(one.open),
        text(one.high),
        text(one.low),
        text(one.close),
        text(one.volume),
        following(one.open_ns, interval, offset_ns) // unit - 1,
        text(one.notional),
        one.count,
        text(one.taker_volume),
        text(one.taker_notional),
        "0",
    ]


def queried(order: Order, unit: int) -> dict[str, object]:
    """The answer to a query."""
    found = amounts(order)
    quote = found.pop("origQuoteOrderQty")
    return {
        **identity(order),
        **found,
        "stopPrice": ZERO,
        **condition(order, unit),
        "icebergQty": ZERO,
        "time": order.now_ns // unit,
        "updateTime": order.update_ns // unit,
        "isWorking": order.works,
        "workingTime": stamp(order.working_ns, unit),
        "origQuoteOrderQty": quote,
        "selfTradePreventionMode": order.prevention,
        **prevention(order),
    }


def own_trade(order: Order, fill: Fill, unit: int) -> dict[str, object]:
    """A fill in the list of an account's trades."""
    return {
        "symbol": order.market.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": list_id(order),
        "price": text(fill.price),
        "qty": text(fill.size),
        "quoteQty": text(fill.notional),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.now_ns // unit,
        "isBuyer": fill.side == BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def execution_report(execution: Execution, event_ns: int, unit: int) -> dict[str, object]:
    """One execution, for the user data stream."""
    order, fill = execution.order, execution.fill
    is_cancel = execution.happening == Happening.CANCELED
    amended_now = execution.amended
    report: dict[str, object] = {
        "e": "executionReport",
        "E": event_ns // unit,
        "s": order.market.symbol,
        "c": amended_now.client_id if amended_now else execution.cancel_id if is_cancel else order.client_id,
        "S": side_word(order.side),
        "o": order.kind,
        "f": until_word(order),
        "q": text(order.size),
        "p": text(order.price),
        "P": text(order.stop),
        "F": ZERO,
        "g": list_id(order),
        "C": amended_now.old_client_id if amended_now else order.client_id if is_cancel else "",
        "x": Happening.NEW if execution.happening == Happening.TRIGGERED else execution.happening,
        "X": execution.status,
        "r": "NONE",
        "i": order.id,
        "l": text(fill.size) if fill else ZERO,
        "z": text(execution.filled),
        "L": text(fill.price) if fill else ZERO,
        "n": text(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": execution.now_ns // unit,
        "t": fill.trade_id if fill else -1,
        "I": execution.id,
        "w": execution.status in (Status.NEW, Status.PARTIALLY_FILLED) and execution.working_ns >= 0,
        "m": bool(fill and fill.maker),
        "M": False,
        "O": order.now_ns // unit,
        "Z": text(execution.spent),
        "Y": text(fill.notional) if fill else ZERO,
        "Q": text(order.quote_size),
        "V": order.prevention,
    }
    if execution.working_ns >= 0:
        report["W"] = execution.working_ns // unit
    if order.trailing:
        report |= {"d": order.trailing, "D": stamp(order.trailing_ns, unit)}
    if execution.happening == Happening.EXPIRED:
        report["eR"] = order.expiry
    if execution.prevented is not None:
        prevented = (
            execution.prevented.maker_size
            if order.id == execution.prevented.maker_id
            else execution.prevented.taker_size
        )
        report |= {"v": execution.prevented.id, "A": text(order.prevented), "B": text(prevented), "u": 1}
        report |= {"U": execution.prevented.maker_id, "Cs": order.market.symbol, "pL": text(execution.prevented.price)}
    return report


def balance(account: Account, asset: str) -> dict[str, object]:
    """One asset of an account, for answers."""
    return {"asset": asset, "free": text(account.free[asset]), "locked": text(account.locked[asset])}


def account_position(account: Account, assets: list[str], event_ns: int, unit: int) -> dict[str, object]:
    """The changed assets, for the user data stream."""
    return {
        "e": "outboundAccountPosition",
        "E": event_ns // unit,
        "u": account.update_ns // unit,
        "B": [{"a": asset, "f": text(account.free[asset]), "l": text(account.locked[asset])} for asset in assets],
    }


def symbol_view(market: Market) -> dict[str, object]:
    """A market, for exchangeInfo."""
    return {
        "symbol": market.symbol,
        "status": "TRADING" if market.trading else "BREAK",
        "baseAsset": market.base,
        "baseAssetPrecision": DECIMALS,
        "quoteAsset": market.quote,
        "quotePrecision": DECIMALS,
        "quoteAssetPrecision": DECIMALS,
        "baseCommissionPrecision": DECIMALS,
        "quoteCommissionPrecision": DECIMALS,
        "orderTypes": sorted(Kind),
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": symbol_filters(market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": market.prevention_default,
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def symbol_filters(market: Market) -> list[dict[str, object]]:
    """A market's filters, for exchangeInfo."""
    lots = {"minQty": text(market.size_min), "maxQty": text(market.size_max), "stepSize": text(market.size_step)}
    up, down = str(market.price_ratio_max), text(SCALE // market.price_ratio_max)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(market.price_min),
            "maxPrice": text(market.price_max),
            "tickSize": text(market.price_step),
        },
        {"filterType": "LOT_SIZE", **lots},
        {"filterType": "MARKET_LOT_SIZE", **lots},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": 0,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(market.notional_min),
            "applyMinToMarket": True,
            "maxNotional": text(market.notional_max),
            "applyMaxToMarket": True,
            "avgPriceMins": 0,
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": market.trailing_min,
            "maxTrailingAboveDelta": market.trailing_max,
            "minTrailingBelowDelta": market.trailing_min,
            "maxTrailingBelowDelta": market.trailing_max,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": market.open_orders_max},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": market.contingent_orders_max},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": market.order_lists_max},
    ]
