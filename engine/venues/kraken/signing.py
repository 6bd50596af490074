"""Signatures as Kraken requires them: HMAC-SHA512 over path and digest, by a secret that is base64; and the token.

A stream of orders opens with a token, which the owner of a key requests over REST. The key needs only the right to make
tokens. A token must be used within 15 minutes and stays valid while its subscriptions last. So every connection has a
token of its own. An older one is replaced before the next subscription; if that fails, the older one is used.

A key's nonces must always rise: here they are microseconds since 1970, so do not share a key with a program that counts
in a finer unit.
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
        """Keep the key's two parts; `microseconds` returns the microseconds since 1970."""
        try:
            self._secret = base64.b64decode(secret, validate=True)
        except binascii.Error as error:
            msg = f"the secret of a Kraken key must be base64: {error}"
            raise ValueError(msg) from None
        self._api_key, self._microseconds, self._nonce = api_key, microseconds, 0

    def nonce(self) -> int:
        """The next number: greater than the last one, even when the clock goes back."""
        self._nonce = max(self._nonce + 1, self._microseconds())
        return self._nonce

    def headers(self, target: str, nonce: str, body: str) -> dict[str, str]:
        """The headers of a signed request; its body begins with the nonce."""
        digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
        signature = hmac.digest(self._secret, target.encode() + digest, "sha512")
        return {
            "API-Key": self._api_key,
            "API-Sign": base64.b64encode(signature).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }


class TokenSigner:
    """Puts a token into the messages of one connection; requests it when it is first needed."""

    def __init__(self, requests: RequestPort, signer: KrakenSigner) -> None:
        """The request port is this signer's own: no recorder may see the answers."""
        self._requests, self._signer = requests, signer
        self._asked: int | None = None
        self._token = ""
        self._got_ns = 0
        self.failure = ""

    def ready(self, now_ns: int) -> bool:
        """Whether there is a token that the venue should accept."""
        if self._asked is not None:
            self._read_answer(now_ns)
        elif not self._token or now_ns - self._got_ns > FRESH_NS:
            self._request(now_ns)
        return self._asked is None and bool(self._token)

    def sign(self, payload: bytes) -> bytes:
        """The message with the token among its parameters."""
        message = orjson.loads(payload)
        message["params"]["token"] = self._token
        return orjson.dumps(message)

    def interests(self) -> list[Any]:
        """What a sleeping process waits for."""
        return self._requests.interests()

    def close(self) -> None:
        """Forget the token."""
        self._token = ""
        self._requests.close()

    def _request(self, now_ns: int) -> None:
        nonce = str(self._signer.nonce())
        body = f"nonce={nonce}"
        headers = self._signer.headers(TARGET, nonce, body)
        self._asked = self._requests.request("POST", TARGET, headers, body.encode(), now_ns)

    def _read_answer(self, now_ns: int) -> None:
        """Keep the token of the answer; an older token is used on where the answer has none."""
        for response in self._requests.poll(now_ns):
            if response.request_id != self._asked:
                continue
            self._asked, self._got_ns = None, now_ns
            self._requests.close()  # nothing polls it any more: its end would wake a sleeping process again and again
            token, reason = read_token(response)
            if not token and self._token:
                LOG.warning("Kraken sent no new token, the old one is used on: %s", reason)
            elif not token:
                self.failure = f"Kraken sent no token: {reason}"
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
