"""Reads the parameters of an order, single or in a list, into the request that the matching engine accepts."""

from collections.abc import Callable, Collection

from engine.loopback.binance.errors import ApiError, mandatory, not_required, one_of, unsupported
from engine.loopback.binance.parameters import Parameters
from engine.loopback.market import Market
from engine.loopback.orders import CONTINGENT, TIMED, UNPRICED, Kind, OrderRequest, Prevention, Until
from engine.model.words import BUY, SELL

KINDS = frozenset(Kind)
UNTILS = frozenset(Until)
PREVENTIONS = frozenset(Prevention)
SHAPES = frozenset({"ACK", "RESULT", "FULL"})
NUMBER_MOST = 2**63 - 1
STRATEGY_TYPE_LEAST = 1_000_000
PEG = ("pegPriceType", "pegOffsetType", "pegOffsetValue")


def read_order(
    parameters: Parameters,
    account: str,
    market: Market,
    name: Callable[[], str],
    kinds: Collection[Kind] = KINDS,
    kind: Kind | None = None,
) -> OrderRequest:
    """Read an order of one of these kinds; of `kind`, if it is given and the request has no type."""
    side = BUY if parameters.choice("side", {"BUY", "SELL"}) == "BUY" else SELL
    kind = kind or Kind(parameters.choice("type", kinds))
    until = Until.GTC
    if kind in TIMED:
        until = Until(parameters.choice("timeInForce", UNTILS))
    elif parameters.text("timeInForce"):
        raise not_required(parameters.sent("timeInForce"))
    price, size, quote_size = _sizes(parameters, kind)
    stop, trailing = _condition(parameters, kind)
    _unsupported(parameters)
    prevention = parameters.text("selfTradePreventionMode") and parameters.choice(
        "selfTradePreventionMode", PREVENTIONS
    )
    client_id = parameters.client_id("newClientOrderId") or name()
    return OrderRequest(
        account, market.symbol, client_id, side, kind, until, price, size, quote_size, prevention, stop, trailing
    )


def shape_of(parameters: Parameters, default: str) -> str:
    """How much of an order its answer shows."""
    return parameters.choice("newOrderRespType", SHAPES, default)


def _sizes(parameters: Parameters, kind: Kind) -> tuple[int, int, int]:
    """Price, size and size in quote, as the kind of order requires."""
    price, size = parameters.amount("price"), parameters.amount("quantity")
    quote_size = parameters.amount("quoteOrderQty")
    if kind in UNPRICED and price is not None:
        raise not_required(parameters.sent("price"))
    if kind == Kind.MARKET and size is not None and quote_size is not None:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if kind != Kind.MARKET and quote_size is not None:
        raise not_required(parameters.sent("quoteOrderQty"))
    if kind not in UNPRICED and price is None:
        raise mandatory(parameters.sent("price"))
    if size is None and quote_size is None:
        raise mandatory(parameters.sent("quantity"))
    _positive((price, "Invalid price."), (size, "Invalid quantity."), (quote_size, "Invalid quote order qty."))
    return price or 0, size or 0, quote_size or 0


def _condition(parameters: Parameters, kind: Kind) -> tuple[int, int]:
    """Stop price and trailing delta: a contingent order needs one of them, another order may have neither."""
    stop, trailing = parameters.amount("stopPrice"), parameters.integer("trailingDelta")
    if kind not in CONTINGENT:
        for name, value in (("stopPrice", stop), ("trailingDelta", trailing)):
            if value is not None:
                raise not_required(parameters.sent(name))
    elif stop is None and trailing is None:
        raise one_of(parameters.sent("stopPrice"), parameters.sent("trailingDelta"))
    _positive((stop, "Stop price must be greater than 0."), (trailing, "Invalid trailingDelta."))
    return stop or 0, trailing or 0


def _unsupported(parameters: Parameters) -> None:
    """Reject what exchangeInfo excludes, and a reserved strategy number."""
    if parameters.amount("icebergQty"):
        raise unsupported("Iceberg")
    if any(parameters.text(name) for name in PEG):
        raise unsupported("Pegged")
    parameters.integer("strategyId")
    strategy_type = parameters.integer("strategyType")
    if strategy_type is not None and strategy_type < STRATEGY_TYPE_LEAST:
        raise ApiError(-1134, "`strategyType` was less than 1000000.")


def _positive(*values: tuple[int | None, str]) -> None:
    """Reject a number that is zero or too large."""
    for value, words in values:
        if value is not None and not 0 < value <= NUMBER_MOST:
            raise ApiError(-1013, words)
