"""Binance's signatures: Ed25519 or HMAC-SHA256. REST and the WebSocket API build the payload differently.

REST signs the percent-encoded query and body in the order sent, with nothing between them. The WebSocket API signs
all parameters but the signature itself, the key included, sorted by name, raw and not percent-encoded.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HMAC_LENGTH = 64  # letters and digits of a secret that Binance makes
EXPECTED = "expected an Ed25519 private key in PEM form; see docs/binance-keys.md to make one"
PEM_MARK = "-----BEGIN "
PRIVATE_HEADS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY")


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
        self.api_key = api_key
        self._key = load_ed25519(private_key_pem)

    def sign(self, payload: bytes) -> str:
        """Base64 of the signature."""
        return base64.b64encode(self._key.sign(payload)).decode()


def load_ed25519(text: bytes) -> Ed25519PrivateKey:
    """The Ed25519 key in a PEM text; a ValueError names the kind of text that it is instead, never its content."""
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        msg = f"found {_kind_of_text(text.decode(errors='replace').strip())}, {EXPECTED}"
        raise ValueError(msg) from error
    if not isinstance(key, Ed25519PrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey").removeprefix("_").upper()
        msg = f"found a private key of another kind ({kind}), {EXPECTED}"
        raise ValueError(msg)  # noqa: TRY004 - what a file holds is a value
    return key


def check_api_key(text: str) -> None:
    """Refuse what cannot be the API key that Binance shows for a registered key: a PEM, or more than one word."""
    if PEM_MARK in text or len(text.split()) != 1:
        found = _kind_of_text(text) if PEM_MARK in text else f"{len(text.split())} words"
        msg = f"found {found}, expected the API key that Binance shows beside the registered public key"
        raise ValueError(msg)


def _kind_of_text(text: str) -> str:
    """What a text that is no readable private key looks like."""
    if PEM_MARK in text:
        return _kind_of_pem(text, text.partition(PEM_MARK)[2].partition("-----")[0])
    if len(text) == HMAC_LENGTH and text.isascii() and text.isalnum():
        return "what looks like an HMAC secret (64 letters and digits)"
    return "no PEM text" if text else "nothing"


def _kind_of_pem(text: str, head: str) -> str:
    """What a PEM with this head is, where no private key is read from it."""
    if head == "ENCRYPTED PRIVATE KEY" or "Proc-Type: 4,ENCRYPTED" in text:
        return "an encrypted private key, and no passphrase is asked for (openssl pkey -in KEY -out PLAIN decrypts it)"
    if head == "PUBLIC KEY":
        return "a public key, the half that is registered at Binance"
    if "\\n" in text:
        return f"a PEM of kind {head!r} whose lines are parted by a backslash and an n instead of line ends"
    if head in PRIVATE_HEADS:
        return f"a PEM of kind {head!r} that is damaged or cannot be read"
    return f"a PEM of another kind ({head})"


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


def signer_of(api_key: str, secret: str) -> Signer:
    """The signer for a private key in PEM form, or else for an HMAC secret: requests over REST accept both."""
    return Ed25519Signer(api_key, secret.encode()) if PEM_MARK in secret else HmacSigner(api_key, secret.strip())


def socket_payload(params: Mapping[str, object]) -> bytes:
    """What the WebSocket API signs: every parameter but the signature, sorted, joined, raw UTF-8."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature").encode()


def signed_query(signer: Signer, query: str, body: str = "") -> str:
    """A REST query with its signature as the last parameter; `query` and `body` are percent-encoded already."""
    signature = quote(signer.sign((query + body).encode()), safe="")
    return f"{query}&signature={signature}" if query else f"signature={signature}"
