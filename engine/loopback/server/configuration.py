"""The venue server's configuration: a TOML file with a [venue] table, and keys in files.

[venue]
seed = 7
pulse_seconds = 0.005
[venue.accounts.engine]
USDT = "1000000"
BNB = "10"
[venue.burns.engine]     # this account pays fees in BNB, at the last price of the market BNB/quote, which must exist
asset = "BNB"
discount = "0.25"        # an account with too little BNB for a fee pays that fee as usual
[[venue.keys]]
name = "…"            # 64 letters and digits
account = "engine"
may_trade = true      # also may_withdraw and is_bound (works from known addresses only), both false by default
public_file = "engine.pub.pem"    # Ed25519; or: secret = "…" for HMAC
"""

import os
import tomllib
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.loopback.binance.keys import Key
from engine.loopback.binance.settings import PURSE, VenueSettings, settings_from

ENGINE_ACCOUNT = "engine"
ENGINE_KEY = "SteelyardLoopbackEngineKey".ljust(64, "0")
OWN = ("pulse_seconds", "ping_seconds")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The venue's settings and the server's."""

    venue: VenueSettings = field(default_factory=VenueSettings)
    pulse_seconds: float = 0.005
    ping_seconds: float = 20.0


def read(path: str | None, ed25519_file: str | None = None) -> ServerSettings:
    """Read a configuration, or use the defaults; with `ed25519_file`, add the engine account with that key."""
    table: dict[str, Any] = {}
    folder = "."
    if path:
        with open(path, "rb") as file:
            table = dict(tomllib.load(file)["venue"])
        folder = os.path.dirname(path) or "."
    own = {name: float(table.pop(name)) for name in OWN if name in table}
    keys = tuple(_key(one, folder) for one in table.pop("keys", ()))
    venue = settings_from(table, keys)
    return ServerSettings(_with_engine(venue, ed25519_file) if ed25519_file else venue, **own)


def make_key(path: str) -> None:
    """Write a new Ed25519 private key that only its owner can read, and its public half beside it."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    with open(f"{path}.pub", "wb") as file:
        file.write(_public_pem(private))


def _with_engine(venue: VenueSettings, path: str) -> VenueSettings:
    """Add the engine's account; its key is created when the file is missing."""
    if not os.path.exists(path):
        make_key(path)
    with open(path, "rb") as file:
        private = serialization.load_pem_private_key(file.read(), None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"{path} holds a {type(private).__name__}, expected an Ed25519 private key")
    key = Key.ed25519(ENGINE_KEY, ENGINE_ACCOUNT, _public_pem(private))
    return replace(venue, keys=(*venue.keys, key), accounts={ENGINE_ACCOUNT: dict(PURSE), **venue.accounts})


def _key(table: dict[str, Any], folder: str) -> Key:
    """One key of the configuration."""
    if "public_file" not in table:
        return _with_rights(Key(table["name"], table["account"], table["secret"].encode()), table)
    with open(os.path.join(folder, table["public_file"]), "rb") as file:
        key = Key.ed25519(table["name"], table["account"], file.read())
    return _with_rights(key, table)


def _with_rights(key: Key, table: dict[str, Any]) -> Key:
    """The key with what it may do by the configuration."""
    return replace(
        key,
        may_trade=table.get("may_trade", True),
        may_withdraw=table.get("may_withdraw", False),
        is_bound=table.get("is_bound", False),
    )


def _public_pem(private: Ed25519PrivateKey) -> bytes:
    """A key's public half."""
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
