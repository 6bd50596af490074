"""Signatures as Binance wants them: Ed25519 or HMAC-SHA256; REST and the WebSocket API build the payload differently.

REST signs the percent-encoded query and body in the order sent, with nothing between them. The WebSocket API signs
all parameters but the signature itself, the key included, sorted by name, raw and not percent-encoded.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class Signer(Protocol):
    """Signs bytes for one key."""

    api_key: str

    def sign(self, payload: bytes) -> str:
        """The signature in the key type's own text form, not percent-encoded."""


class Ed25519Signer:
    """An Ed25519 key: the only kind that may log a session on."""

    __slots__ = ("_key", "api_key")

    def __init__(self, api_key: str, private_key_pem: bytes) -> None:
        """Load the key, refusing any other kind."""
        key = load_pem_private_key(private_key_pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            msg = f"the trading key must be Ed25519, was {type(key).__name__}"
            raise TypeError(msg)
        self.api_key = api_key
        self._key = key

    def sign(self, payload: bytes) -> str:
        """Base64 of the signature."""
        return base64.b64encode(self._key.sign(payload)).decode()


class HmacSigner:
    """A shared secret: enough for signed REST requests."""

    __slots__ = ("_secret", "api_key")

    def __init__(self, api_key: str, secret: str) -> None:
        """Keep the secret."""
        self.api_key = api_key
        self._secret = secret.encode()

    def sign(self, payload: bytes) -> str:
        """Hex of the HMAC-SHA256."""
        return hmac.digest(self._secret, payload, "sha256").hex()


def socket_payload(params: Mapping[str, object]) -> bytes:
    """What the WebSocket API signs: every parameter but the signature, sorted, joined, raw UTF-8."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature").encode()


def signed_query(signer: Signer, query: str, body: str = "") -> str:
    """A REST query with its signature as the last parameter; `query` and `body` are percent-encoded already."""
    signature = quote(signer.sign((query + body).encode()), safe="")
    return f"{query}&signature={signature}" if query else f"signature={signature}"
