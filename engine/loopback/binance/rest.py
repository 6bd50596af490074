"""One REST request, and its answer as status, headers and body."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

import orjson

from engine.loopback.binance.errors import ApiError

Answer = tuple[int, dict[str, str], bytes]
JSON = {"content-type": "application/json;charset=UTF-8"}
LOST: Answer = (0, {}, b"")


@dataclass(eq=False, slots=True)
class Exchange:
    """A request and, when it is ready, its answer; status 0 means that no answer will come."""

    answer: Answer | None = None


def read(target: str, body: bytes) -> tuple[str, str, str, dict[str, str]]:
    """Path, query, body and parameters; a parameter in the query is used before one in the body."""
    path, _, query = target.partition("?")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ApiError(-1100, "Illegal characters found in a parameter.") from None
    sent, more = parse_qsl(query, keep_blank_values=True), parse_qsl(text, keep_blank_values=True)
    for pairs in (sent, more):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
    return path, query, text, {**dict(more), **dict(sent)}


def answer(result: object, limits: dict[str, str], now_ns: int) -> Answer:
    """A result or an error as an HTTP answer."""
    if not isinstance(result, ApiError):
        return HTTPStatus.OK, {**JSON, **limits}, orjson.dumps(result)
    headers = {**JSON, **limits}
    retry = (result.details or {}).get("retryAfter")
    if isinstance(retry, int):
        headers["retry-after"] = str(max(1, -(-(retry - now_ns // 1_000_000) // 1_000)))
        return result.status, headers, orjson.dumps(result.plain())
    return result.status, headers, orjson.dumps(result.body())


def not_found(path: str) -> Answer:
    """The answer for an unknown path."""
    body = {"status": 404, "error": "Not Found", "path": path}
    return HTTPStatus.NOT_FOUND, dict(JSON), orjson.dumps(body)
