"""One request's parameters, read with Binance's own complaints about what is wrong with them."""

import re

from engine.venues.sim.binance.errors import ApiError, illegal, mandatory
from engine.venues.sim.market import DECIMALS, fixed

NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
INTEGER = re.compile(r"[0-9]{1,20}")
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
NUMBER_RANGE = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
CLIENT_ID_RANGE = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"
WRONG_CHOICE = {
    "side": (-1117, "Invalid side."),
    "type": (-1116, "Invalid orderType."),
    "timeInForce": (-1115, "Invalid timeInForce."),
    "cancelRestrictions": (-1145, "Invalid cancelRestrictions"),
    "newOrderRespType": (-1128, "Invalid newOrderRespType."),
}
ALWAYS = ("timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits")


class Parameters:
    """Parameters by name, as text; remembers which were asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        """Nothing was asked for yet."""
        self.values = values
        self._read: set[str] = set(ALWAYS)

    def text(self, name: str) -> str:
        """A parameter, or empty."""
        self._read.add(name)
        return self.values.get(name, "")

    def needed(self, name: str) -> str:
        """A parameter that must be there."""
        return self.text(name) or self._missing(name)

    def amount(self, name: str) -> int | None:
        """A price or size at eight decimals, or None when it was not sent."""
        text = self.text(name)
        if not text:
            return None
        if not NUMBER.fullmatch(text):
            raise illegal(name, NUMBER_RANGE)
        if len(text.partition(".")[2].rstrip("0")) > DECIMALS:
            raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
        try:
            return fixed(text)
        except ValueError:
            raise illegal(name, NUMBER_RANGE) from None

    def integer(self, name: str) -> int | None:
        """A whole number, or None when it was not sent."""
        text = self.text(name)
        if not text:
            return None
        if not INTEGER.fullmatch(text):
            raise illegal(name, "^[0-9]{1,20}$")
        return int(text)

    def limit(self, default: int, most: int) -> int:
        """How many are wanted."""
        wanted = self.integer("limit")
        return min(default if wanted is None else max(wanted, 1), most)

    def choice(self, name: str, allowed: frozenset[str] | set[str], default: str = "") -> str:
        """One of a few words."""
        text = self.text(name) or default
        if not text:
            raise mandatory(name)
        if text not in allowed:
            code, words = WRONG_CHOICE.get(name, (-1130, f"Data sent for parameter '{name}' is not valid."))
            raise ApiError(code, words)
        return text

    def client_id(self, name: str) -> str:
        """A client order id, or empty when it was not sent."""
        text = self.text(name)
        if text and not CLIENT_ID.fullmatch(text):
            raise illegal(name, CLIENT_ID_RANGE)
        return text

    def finish(self) -> None:
        """Complain about parameters nobody asked for."""
        sent, read = len(self.values), len(self.values.keys() & self._read)
        if sent != read:
            raise ApiError(
                -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            )

    def _missing(self, name: str) -> str:
        """Raise for a parameter that is not there."""
        raise mandatory(name)
