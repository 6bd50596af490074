"""API keys: their accounts and permissions, and the check of signatures.

REST signs the query and the body as sent, without a separator. The WebSocket API signs all parameters but the
signature, sorted by name, as raw text.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from engine.loopback.binance.errors import ApiError, bad_key, illegal, mandatory

KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
RECV_WINDOW_DEFAULT_NS = 5_000_000_000
RECV_WINDOW_MOST_NS = 60_000_000_000
AHEAD_MOST_NS = 1_000_000_000
MICROSECOND_FLOOR = 10**15  # a time with as many digits is in microseconds


@dataclass(frozen=True, slots=True)
class Key:
    """One API key: HMAC by its secret, or Ed25519 by its public key."""

    name: str
    account: str
    secret: bytes = b""
    public: Ed25519PublicKey | None = None
    may_trade: bool = True
    may_withdraw: bool = False
    is_bound: bool = False  # it works from known addresses only

    @classmethod
    def ed25519(cls, name: str, account: str, public_pem: bytes) -> "Key":
        """A key from the public half in PEM."""
        public = load_pem_public_key(public_pem)
        if not isinstance(public, Ed25519PublicKey):
            raise TypeError(f"key {name} must be Ed25519, was {type(public).__name__}")
        return cls(name, account, public=public)

    def signed(self, payload: bytes, signature: str) -> bool:
        """Whether this key signed the payload."""
        if self.public is None:
            wanted = hmac.new(self.secret, payload, hashlib.sha256).hexdigest()
            return hmac.compare_digest(wanted.encode(), signature.lower().encode())
        try:
            self.public.verify(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class KeyRing:
    """All keys of the venue."""

    def __init__(self, keys: list[Key]) -> None:
        """Hold these keys."""
        self.keys = {key.name: key for key in keys}

    def find(self, name: str) -> Key:
        """The key of that name."""
        key = self.keys.get(name)
        if key is not None:
            return key
        raise bad_key() if KEY_FORMAT.fullmatch(name) else ApiError(-2014, "API-key format invalid.", 401)

    def verify(self, name: str, payload: bytes, signature: str) -> Key:
        """The key that signed this payload."""
        key = self.find(name)
        if not signature:
            raise mandatory("signature")
        if not key.signed(payload, signature):
            raise ApiError(-1022, "Signature for this request is not valid.")
        return key


@dataclass(frozen=True, slots=True)
class Window:
    """When a request was made and how long it is valid."""

    sent_ns: int
    length_ns: int

    @classmethod
    def read(cls, timestamp: str, recv_window: str) -> "Window":
        """Read the two parameters; a timestamp is in milliseconds or microseconds."""
        if not timestamp:
            raise mandatory("timestamp")
        if not timestamp.isdecimal() or len(timestamp) > 20:  # noqa: PLR2004 (documented)
            raise illegal("timestamp", "^[0-9]{1,20}$")
        time = int(timestamp)
        sent_ns = time * (1_000 if time >= MICROSECOND_FLOOR else 1_000_000)
        return cls(sent_ns, _length(recv_window))

    def check(self, now_ns: int) -> None:
        """Reject a request from the future, or one that is too old."""
        if self.sent_ns >= now_ns + AHEAD_MOST_NS:
            raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now_ns - self.sent_ns > self.length_ns:
            raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _length(text: str) -> int:
    """A recvWindow in milliseconds with up to three decimals, as nanoseconds."""
    if not text:
        return RECV_WINDOW_DEFAULT_NS
    whole, _, part = text.partition(".")
    if not whole.isdecimal() or not (part or "0").isdecimal() or len(part) > 3:  # noqa: PLR2004 (documented)
        raise illegal("recvWindow", "^[0-9]{1,5}(\\.[0-9]{1,3})?$")
    length_ns = int(whole) * 1_000_000 + int(part.ljust(3, "0") or "0") * 1_000
    if length_ns > RECV_WINDOW_MOST_NS:
        raise ApiError(-1131, "recvWindow must be less than 60000.")
    return length_ns


def rest_payload(query: str, body: str) -> bytes:
    """What a REST request's signature covers: query and body joined, without the signature itself."""
    return (
        re.sub(r"(^|&)signature=[^&]*", "", query).lstrip("&").encode()
        + re.sub(r"(^|&)signature=[^&]*", "", body).lstrip("&").encode()
    )


def socket_payload(values: dict[str, str]) -> bytes:
    """What a WebSocket request's signature covers."""
    return "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature").encode()
