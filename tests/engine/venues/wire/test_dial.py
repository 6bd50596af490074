"""Which of a name's addresses is tried, and what becomes of one that cannot be."""

import select
import socket

import pytest

from engine.venues.wire.dial import Dial, Place
from engine.venues.wire.options import WireOptions

Found = list[tuple[int, int, int, str, tuple[str, int]]]
TRIES = 20


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[int, tuple[str, int]]) -> None:
    """Let every name have these addresses."""
    found: Found = [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def goes_up(port: int) -> bool:
    """Whether one dial comes up in a few tries."""
    dial = Dial(Place.of(f"ws://localhost:{port}"), WireOptions())
    for _ in range(TRIES):
        if dial.advance():
            break
        select.select([], [one.descriptor for one in dial.interests()], [], 0.01)
    dial.close()
    return dial.ready


def test_an_address_of_a_family_that_the_system_lacks_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without IPv6 is given such addresses all the same: the feed must not die of one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        lacking = (socket.AF_APPLETALK, ("::1", 1))
        resolve_to(monkeypatch, lacking, (socket.AF_INET, server.getsockname()))
        assert all(goes_up(server.getsockname()[1]) for _ in range(2))
        resolve_to(monkeypatch, lacking)
        dial = Dial(Place.of("ws://localhost:1"), WireOptions())
        assert not dial.advance()
        assert "not supported" in dial.error


def test_an_address_that_never_answers_does_not_hide_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One dead machine of several, or IPv6 that leads nowhere, costs one attempt and not the venue."""
    with socket.socket() as deaf, socket.create_server(("127.0.0.1", 0)) as server:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        resolve_to(monkeypatch, (socket.AF_INET, deaf.getsockname()), (socket.AF_INET, server.getsockname()))
        assert sum(goes_up(server.getsockname()[1]) for _ in range(4)) == 2
        for one in crowd:
            one.close()
