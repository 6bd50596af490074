"""Client order ids: 128 bits with the account, the intent and the request of the intent, written as 32 hex digits.

    account 48 bits │ intent id 64 bits │ request 16 bits          big-endian, so the text sorts in this order

An id names one request for ever. It is never sent twice: a venue accepts an id again once its order has filled, so a
blind retry could fill a second time.
"""

import uuid

REQUEST_MAX = 0xFFFF


def mark_of(identity: uuid.UUID) -> bytes:
    """The six bytes that mark an order as this system's at one account: the end of that account's random uuid."""
    return identity.bytes[-6:]


def encode(system: bytes, intent_id: int, request: int) -> bytes:
    """The 16 bytes of one request."""
    return system + intent_id.to_bytes(8, "big") + request.to_bytes(2, "big")


def decode(client_id: bytes) -> tuple[bytes, int, int]:
    """System, intent id and request number."""
    return client_id[:6], int.from_bytes(client_id[6:14], "big"), int.from_bytes(client_id[14:16], "big")


def sibling(client_id: bytes, request: int) -> bytes:
    """Another request of the same intent."""
    return client_id[:14] + request.to_bytes(2, "big")


def is_ours(system: bytes, client_id: bytes) -> bool:
    """Whether the id has our form and our system's mark."""
    return len(client_id) == 16 and client_id.startswith(system)  # noqa: PLR2004 - 128 bits
