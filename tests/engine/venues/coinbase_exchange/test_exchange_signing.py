"""Subscriptions to Coinbase Exchange's books of orders, which open to a key's owner alone."""

import json

import pytest

from engine.venues.catalogue import dialect_of
from engine.venues.coinbase_exchange.signing import ExchangeMessageSigner, ExchangeSigner

SECRET = "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcywgb2s="  # noqa: S105 - of no account
SIGNATURE = "5WW6WsGQ75i2bJlQvq487+srBRsNlmTjZ7IF1akDGxM="  # by openssl dgst -sha256 -hmac


def test_a_subscription_is_signed_as_the_venue_reckons() -> None:
    """The signature was made by another program: a wrong one is a feed that is refused for ever."""
    signer = ExchangeMessageSigner(ExchangeSigner("name", SECRET, "words", lambda: 1_700_000_000))
    assert signer.ready(0)
    assert json.loads(signer.sign(dialect_of("coinbase-exchange").subscribe([("full", "BTC-USD")], 1))) == {
        "type": "subscribe",
        "product_ids": ["BTC-USD"],
        "channels": ["full", "heartbeat"],
        "key": "name",
        "passphrase": "words",
        "timestamp": "1700000000",
        "signature": SIGNATURE,
    }


def test_nothing_else_is_signed() -> None:
    """Unsubscribing needs no name: the key is sent only where it is required."""
    signer = ExchangeMessageSigner(ExchangeSigner("name", SECRET, "words", lambda: 1))
    leaving = dialect_of("coinbase-exchange").unsubscribe([("full", "BTC-USD")], 1)
    assert signer.sign(leaving) == leaving


def test_a_secret_that_is_no_base64_is_refused_and_not_shown() -> None:
    """A key pasted in part must not end as signatures that the venue refuses, nor in a log."""
    with pytest.raises(ValueError, match="must be base64") as caught:
        ExchangeSigner("name", "not*base64", "words", lambda: 1)
    assert "not*base64" not in str(caught.value)
