"""Signatures as Kraken wants them: HMAC-SHA512 over path and digest, by a secret that is base64; and the token.

A stream of orders opens to a key's owner, who asks REST for a token. The key needs no right but that to make tokens. A
token must be used within 15 minutes, and lives on while what was subscribed by it does. So every connection has its
own, and one that is older when something is subscribed anew is replaced; where that fails the old one is tried.

A key's nonces must rise for ever: here microseconds since 1970, so a key must not be shared with a program that counts
finer.
"""

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import Any

import orjson

from engine.venues.port import RequestPort, Response

LOG = logging.getLogger("steelyard.feed")
TARGET = "/0/private/GetWebSocketsToken"
FRESH_NS = 600 * 1_000_000_000
OK = 200


class KrakenSigner:
    """Signs requests for one key."""

    __slots__ = ("_api_key", "_microseconds", "_nonce", "_secret")

    def __init__(self, api_key: str, secret: str, microseconds: Callable[[], int]) -> None:
        """Keep the key's two parts; `microseconds` tells the time since 1970."""
        try:
            self._secret = base64.b64decode(secret, validate=True)
        except binascii.Error as error:
            msg = f"the secret of a Kraken key must be base64: {error}"
            raise ValueError(msg) from None
        self._api_key, self._microseconds, self._nonce = api_key, microseconds, 0

    def nonce(self) -> int:
        """The next number: beyond the last, whatever the clock does."""
        self._nonce = max(self._nonce + 1, self._microseconds())
        return self._nonce

    def headers(self, target: str, nonce: str, body: str) -> dict[str, str]:
        """What a signed request says beside its body, which begins with the nonce."""
        digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
        signature = hmac.digest(self._secret, target.encode() + digest, "sha512")
        return {
            "API-Key": self._api_key,
            "API-Sign": base64.b64encode(signature).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }


class TokenSeal:
    """A token for one connection, asked for when it is first needed."""

    def __init__(self, requests: RequestPort, signer: KrakenSigner) -> None:
        """Requests are this seal's own: their answers must be in no record."""
        self._requests, self._signer = requests, signer
        self._asked: int | None = None
        self._token = ""
        self._got_ns = 0
        self.failure = ""

    def ready(self, now_ns: int) -> bool:
        """Whether there is a token that the venue should take."""
        if self._asked is not None:
            self._take(now_ns)
        elif not self._token or now_ns - self._got_ns > FRESH_NS:
            self._ask(now_ns)
        return self._asked is None and bool(self._token)

    def seal(self, payload: bytes) -> bytes:
        """Put the token among the parameters."""
        message = orjson.loads(payload)
        message["params"]["token"] = self._token
        return orjson.dumps(message)

    def interests(self) -> list[Any]:
        """What a sleeper is woken by."""
        return self._requests.interests()  # type: ignore[attr-defined, no-any-return]

    def close(self) -> None:
        """Forget the token."""
        self._token = ""
        self._requests.close()

    def _ask(self, now_ns: int) -> None:
        nonce = str(self._signer.nonce())
        body = f"nonce={nonce}"
        headers = self._signer.headers(TARGET, nonce, body)
        self._asked = self._requests.request("POST", TARGET, headers, body.encode(), now_ns)

    def _take(self, now_ns: int) -> None:
        """Take the answer; without one an older token is better than none."""
        for response in self._requests.poll(now_ns):
            if response.request_id != self._asked:
                continue
            self._asked, self._got_ns = None, now_ns
            self._requests.close()  # nobody would look after it, and its end would wake a sleeper for ever
            token, reason = read_token(response)
            if not token and self._token:
                LOG.warning("kraken gave no other token: %s", reason)
            elif not token:
                self.failure = f"kraken gave no token: {reason}"
            self._token = token or self._token


def read_token(response: Response) -> tuple[str, str]:
    """The token of an answer, or why it has none; the answer itself is never part of a reason."""
    try:
        answer = orjson.loads(response.body) if response.status == OK else {}
        errors = [str(error) for error in answer.get("error") or ()]
        token = (answer.get("result") or {}).get("token", "")
    except (ValueError, AttributeError, TypeError):
        return "", "the answer cannot be read"
    if errors:
        return "", ", ".join(errors)
    if response.status != OK:
        return "", response.error or f"status {response.status}"
    return (token, "") if isinstance(token, str) and token else ("", "the answer has none")
