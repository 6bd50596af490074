"""Signatures as Coinbase Exchange requires them: HMAC-SHA256 over time, method and path, by a secret that is base64.

A stream has no request of its own to sign: a subscription is signed like the request for the key's own user.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Any

import orjson

VERIFIED = "GET/users/self/verify"


class ExchangeSigner:
    """Signs subscriptions for one key. The venue accepts a signature for thirty seconds."""

    __slots__ = ("_api_key", "_passphrase", "_seconds", "_secret")

    def __init__(self, api_key: str, secret: str, passphrase: str, seconds: Callable[[], int]) -> None:
        """Keep the key's three parts; `seconds` returns the seconds since 1970."""
        try:
            self._secret = base64.b64decode(secret, validate=True)
        except binascii.Error as error:
            msg = f"the secret of a Coinbase Exchange key must be base64: {error}"
            raise ValueError(msg) from None
        self._api_key, self._passphrase, self._seconds = api_key, passphrase, seconds

    def fields(self) -> dict[str, str]:
        """The fields of a signed subscription beside its channels."""
        stamp = str(self._seconds())
        digest = hmac.digest(self._secret, f"{stamp}{VERIFIED}".encode(), "sha256")
        signature = base64.b64encode(digest).decode()
        return {"key": self._api_key, "passphrase": self._passphrase, "timestamp": stamp, "signature": signature}


class ExchangeMessageSigner:
    """Signs subscriptions; an unsubscription needs no signature."""

    failure = ""

    def __init__(self, signer: ExchangeSigner) -> None:
        """Sign with this key."""
        self._signer = signer

    def ready(self, now_ns: int) -> bool:
        """Always: the venue is asked for nothing."""
        del now_ns
        return True

    def sign(self, payload: bytes) -> bytes:
        """Sign a subscription at the time it leaves."""
        message = orjson.loads(payload)
        return orjson.dumps(message | self._signer.fields()) if message["type"] == "subscribe" else payload

    def interests(self) -> list[Any]:
        """Nothing to wait for."""
        return []

    def close(self) -> None:
        """Nothing is open."""
