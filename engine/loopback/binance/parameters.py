"""One request's parameters, read with Binance's own error texts."""

import re
from collections.abc import Collection, Mapping

from engine.loopback.binance.errors import ApiError, empty, illegal, mandatory
from engine.loopback.candles import INTERVALS
from engine.loopback.market import DECIMALS, fixed

NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
INTEGER = re.compile(r"[0-9]{1,20}")
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
SYMBOL = re.compile(r"[A-Z0-9-_.]{1,20}")
SYMBOLS = re.compile(r'\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}")*\]')
SYMBOL_RANGE = "^[A-Z0-9-_.]{1,20}$"
SYMBOLS_RANGE = '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$'
INTEGER_RANGE = "^[0-9]{1,20}$"
INTEGER_MOST = 2**63 - 1
NUMBER_RANGE = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
CLIENT_ID_RANGE = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"
WRONG_CHOICE = {
    "side": (-1117, "Invalid side."),
    "type": (-1116, "Invalid orderType."),
    "ticker": (-1139, "Invalid ticker type."),
    "timeInForce": (-1115, "Invalid timeInForce."),
    "cancelRestrictions": (-1145, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`."),
    "newOrderRespType": (-1128, "Invalid newOrderRespType."),
}
ALWAYS = ("timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits")


class Parameters:
    """Parameters by name, as text. An order of a list is read by the parameter names of a single order."""

    def __init__(self, values: dict[str, str], names: Mapping[str, str] | None = None) -> None:
        """Hold what was sent; `names` maps a parameter to the name under which it was sent, if that differs."""
        self.values, self._names = values, names or {}

    def named(self, names: Mapping[str, str]) -> "Parameters":
        """The same parameters, with other names for some of them."""
        return Parameters(self.values, names)

    def sent(self, name: str) -> str:
        """The name under which a parameter is sent."""
        return self._names.get(name, name)

    def check(self, allowed: Collection[str] | None) -> None:
        """Reject an empty parameter and an unknown one; with None every parameter is allowed."""
        unread = 0 if allowed is None else len(self.values.keys() - set(allowed) - set(ALWAYS))
        sent = len(self.values)
        if unread and not allowed:
            raise ApiError(-1101, f"Too many parameters; expected '0' and received '{sent}'.")
        for name, text in self.values.items():
            if not text:
                raise empty(name)
        if unread:
            words = f"Not all sent parameters were read; read '{sent - unread}' parameter(s) but was sent '{sent}'."
            raise ApiError(-1104, words)

    def text(self, name: str) -> str:
        """A parameter, or ""."""
        return self.values.get(self.sent(name), "")

    def needed(self, name: str) -> str:
        """A mandatory parameter."""
        text = self.text(name)
        if not text:
            raise mandatory(self.sent(name))
        return text

    def symbol(self) -> str:
        """The mandatory symbol."""
        text = self.needed("symbol")
        if not SYMBOL.fullmatch(text):
            raise illegal("symbol", SYMBOL_RANGE)
        return text

    def symbols(self) -> list[str]:
        """The symbols of a list, of a single symbol, or none."""
        text = self.text("symbols")
        if not text:
            return [self.symbol()] if self.text("symbol") else []
        if self.text("symbol"):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if not SYMBOLS.fullmatch(text):
            raise illegal("symbols", SYMBOLS_RANGE)
        names = text.strip("[]").replace('"', "").split(",")
        if len(set(names)) != len(names):
            raise ApiError(-1151, "Symbol is present multiple times in the list.")
        return names

    def interval(self) -> str:
        """A kline interval."""
        text = self.needed("interval")
        if text not in INTERVALS:
            raise ApiError(-1120, "Invalid interval.")
        return text

    def amount(self, name: str) -> int | None:
        """A price or size with eight decimals, or None when it was not sent."""
        text = self.text(name)
        if not text:
            return None
        if not NUMBER.fullmatch(text):
            raise illegal(self.sent(name), NUMBER_RANGE)
        if len(text.partition(".")[2].rstrip("0")) > DECIMALS:
            raise ApiError(-1111, f"Parameter '{self.sent(name)}' has too much precision.")
        try:
            return fixed(text)
        except ValueError:
            raise _overflow(self.sent(name)) from None

    def integer(self, name: str) -> int | None:
        """A whole number, or None when it was not sent."""
        text = self.text(name)
        if not text:
            return None
        if not INTEGER.fullmatch(text):
            raise illegal(self.sent(name), INTEGER_RANGE)
        if int(text) > INTEGER_MOST:
            raise _overflow(self.sent(name))
        return int(text)

    def limit(self, default: int, most: int) -> int:
        """The limit of a listing."""
        wanted = self.integer("limit")
        if wanted == 0:
            raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(default if wanted is None else wanted, most)

    def choice(self, name: str, allowed: Collection[str], default: str = "", *, like: str = "") -> str:
        """One of a few words; `like` names a parameter whose error text is used."""
        text = self.text(name) or default
        if not text:
            raise mandatory(self.sent(name))
        if text not in allowed:
            words = (-1130, f"Data sent for parameter '{self.sent(name)}' is not valid.")
            raise ApiError(*WRONG_CHOICE.get(like or name, words))
        return text

    def client_id(self, name: str) -> str:
        """A client order id, or "" when it was not sent."""
        text = self.text(name)
        if text and not CLIENT_ID.fullmatch(text):
            raise illegal(self.sent(name), CLIENT_ID_RANGE)
        return text


def _overflow(name: str) -> ApiError:
    """The error of a number that does not fit in 64 bits."""
    return ApiError(-1108, f"Parameter '{name}' overflowed.")
