"""The errors Binance answers with, with its real codes and texts.

Reading a request ends in many small ways, so an error is raised where it is found and becomes an answer in one place.
"""

from engine.loopback.orders import Refused, Rejection


class ApiError(Exception):
    """An error answer: HTTP status, Binance's code and text, and its details."""

    def __init__(self, code: int, message: str, status: int = 400, details: dict[str, object] | None = None) -> None:
        """Keep the parts of the answer."""
        super().__init__(message)
        self.code, self.message, self.status, self.details = code, message, status, details

    def plain(self) -> dict[str, object]:
        """Code and text only."""
        return {"code": self.code, "msg": self.message}

    def body(self) -> dict[str, object]:
        """The whole answer."""
        return self.plain() if self.details is None else {**self.plain(), "data": self.details}


REJECTIONS = {
    Refused.BALANCE: "Account has insufficient balance for requested action.",
    Refused.WOULD_TAKE: "Order would immediately match and take.",
    Refused.WOULD_TRIGGER: "Order would trigger immediately.",
    Refused.BAD_PRICES: "The relationship of the prices for the orders is not correct.",
    Refused.DUPLICATE: "Duplicate order sent.",
    Refused.CLOSED: "Market is closed.",
}


def rejected(rejection: Rejection) -> ApiError:
    """The matching engine's rejection, as Binance's error."""
    if rejection.why == Refused.FILTER:
        return ApiError(-1013, f"Filter failure: {rejection.filter_name}")
    return ApiError(-2010, REJECTIONS[rejection.why])


def mandatory(name: str) -> ApiError:
    """A mandatory parameter is missing or malformed."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> ApiError:
    """A parameter has illegal characters."""
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def empty(name: str) -> ApiError:
    """A parameter was sent without a value."""
    return ApiError(-1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> ApiError:
    """A parameter that this kind of order does not have."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def one_of(first: str, second: str) -> ApiError:
    """Neither of two parameters was sent, but one is required."""
    return ApiError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def unsupported(what: str) -> ApiError:
    """A kind of order that is not in exchangeInfo."""
    return ApiError(-1013, f"{what} orders are not supported for this symbol.")


def unknown_order() -> ApiError:
    """A cancel found nothing to cancel."""
    return ApiError(-2011, "Unknown order sent.")


def no_such_order() -> ApiError:
    """A query found nothing."""
    return ApiError(-2013, "Order does not exist.")


def bad_key() -> ApiError:
    """The key is unknown, or may not do this."""
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def timeout() -> ApiError:
    """The backend did not answer in time: the request may have been executed or not."""
    words = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return ApiError(-1007, words, 504)
