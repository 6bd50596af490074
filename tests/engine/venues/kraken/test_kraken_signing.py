"""Kraken's signatures, and the token that opens its stream of orders: when it is asked for, and what a refusal does."""

import json
import logging
from urllib.parse import parse_qs

import pytest

from engine.venues.kraken.signing import TARGET, KrakenSigner, TokenSigner
from engine.venues.port import PortState, RequestDefaults, Response, StreamDefaults
from engine.venues.signed_stream import SignedStream
from tests.engine.feed.feed_fakes import FakeStream

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
# The worked example of Kraken's guide to authentication; a secret of no account.
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="  # noqa: S105
BODY = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
SIGNATURE = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
SUBSCRIBE = b'{"method":"subscribe","params":{"channel":"level3","symbol":["BTC/USD"]},"req_id":1}'


class Rest(RequestDefaults):
    """Kraken's private REST side: answers that a test gives."""

    def __init__(self) -> None:
        """Nothing asked."""
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[Response] = []
        self.closed = False

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Note it."""
        del now_ns
        self.asked.append((method, target, headers, body))
        return len(self.asked)

    def poll(self, now_ns: int) -> list[Response]:
        """What the test put in."""
        del now_ns
        answers, self.answers = self.answers, []
        return answers

    def answer(self, body: object, status: int = 200, error: str = "") -> None:
        """Answer the last request."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append(Response(len(self.asked), status, {}, payload, error))

    def give(self, token: str) -> None:
        """A token."""
        self.answer({"error": [], "result": {"token": token, "expires": 900}})

    def close(self) -> None:
        """Closed."""
        self.closed = True


class Signed:
    """A signed stream, driven by hand."""

    def __init__(self) -> None:
        """Open, without a token."""
        self.rest, self.inner = Rest(), FakeStream("/v2", acknowledge=False)
        self.stream = SignedStream(self.inner, TokenSigner(self.rest, KrakenSigner("name", SECRET, lambda: 5)))
        self.now = START
        self.stream.poll(self.now)

    def step(self, seconds: float = 0.01) -> list[bytes]:
        """Go on in time."""
        self.now += int(seconds * SECOND)
        return self.stream.poll(self.now)

    def tokens(self) -> list[str]:
        """The tokens of what was sent."""
        return [message["params"]["token"] for message in self.inner.sent]


@pytest.fixture
def signed() -> Signed:
    """One."""
    return Signed()


def test_a_request_is_signed_as_the_venue_reckons() -> None:
    """The venue's own example: a wrong signature is a stream that never opens."""
    signer = KrakenSigner("name", SECRET, lambda: 0)
    headers = signer.headers("/0/private/AddOrder", "1616492376594", BODY)
    assert (headers["API-Key"], headers["API-Sign"]) == ("name", SIGNATURE)


def test_nonces_rise_whatever_the_clock_does() -> None:
    """The venue refuses a nonce that does not grow, and then every one after it."""
    times = iter([10, 10, 3, 50])
    signer = KrakenSigner("name", SECRET, lambda: next(times))
    assert [signer.nonce() for _ in range(4)] == [10, 11, 12, 50]


def test_a_secret_that_is_no_base64_is_refused_and_not_shown() -> None:
    """A key pasted in part must not end as signatures that the venue refuses, nor in a log."""
    with pytest.raises(ValueError, match="must be base64") as caught:
        KrakenSigner("name", "not*base64", lambda: 1)
    assert "not*base64" not in str(caught.value)


def test_a_subscription_waits_for_its_token_and_goes_out_with_it(signed: Signed) -> None:
    """One request for several messages, signed over its nonce; frames come meanwhile."""
    assert signed.stream.send(SUBSCRIBE)
    assert signed.stream.send(SUBSCRIBE)
    signed.inner.inbox.append(b"frame")
    assert signed.step() == [b"frame"]
    [(method, target, headers, body)] = signed.rest.asked
    assert (method, target, parse_qs(body.decode())) == ("POST", TARGET, {"nonce": ["5"]})
    assert headers == KrakenSigner("name", SECRET, lambda: 0).headers(TARGET, "5", "nonce=5")
    assert signed.inner.sent == []
    signed.rest.give("first")
    signed.step()
    assert signed.tokens() == ["first", "first"]
    assert signed.rest.closed, "a kept connection without a reader wakes a sleeping process for ever when it ends"
    assert signed.inner.sent[0]["params"]["channel"] == "level3"


def test_a_token_is_asked_for_again_before_it_is_too_old(signed: Signed) -> None:
    """A book may be subscribed anew hours later; the old one stays good for what it opened if there is no other."""
    signed.stream.send(SUBSCRIBE)
    signed.rest.give("first")
    signed.step()
    signed.step(599)
    signed.stream.send(SUBSCRIBE)
    signed.step(10)
    signed.stream.send(SUBSCRIBE)
    assert signed.tokens() == ["first", "first"]
    signed.rest.give("second")
    signed.step()
    assert signed.tokens() == ["first", "first", "second"]
    signed.step(700)
    signed.stream.send(SUBSCRIBE)
    signed.rest.answer(b"", status=502)
    signed.step()
    assert signed.tokens()[-1] == "second"
    assert signed.stream.state is PortState.OPEN


@pytest.mark.parametrize(
    ("body", "status", "error", "reason"),
    [
        ({"error": ["EAPI:Invalid key"]}, 200, "", "EAPI:Invalid key"),
        ({"error": ["EGeneral:Permission denied"]}, 200, "", "Permission denied"),
        (b"<html>", 200, "", "cannot be read"),
        (b"[]", 200, "", "cannot be read"),
        ({"error": 5}, 200, "", "cannot be read"),
        (b"", 429, "", "status 429"),
        ({"error": [], "result": {}}, 200, "", "has none"),
        ({"error": [], "result": {"token": 7}}, 200, "", "has none"),
        (b"", 0, "sent: no answer in time", "no answer in time"),
    ],
)
def test_without_a_token_the_stream_is_closed_with_the_reason(
    signed: Signed, body: object, status: int, error: str, reason: str
) -> None:
    """The feed handles a closed stream: it logs the reason, and retries after growing pauses."""
    signed.stream.send(SUBSCRIBE)
    signed.rest.answer(body, status, error)
    signed.step()
    assert signed.stream.state is PortState.CLOSED
    assert reason in signed.stream.error
    assert (signed.inner.sent, signed.rest.closed, signed.inner.state) == ([], True, PortState.CLOSED)
    assert not signed.stream.send(SUBSCRIBE)


def test_no_secret_is_in_what_a_program_prints(signed: Signed, caplog: pytest.LogCaptureFixture) -> None:
    """A traceback or a log that shows a key is a key that must be changed."""
    caplog.set_level(logging.DEBUG)
    signed.stream.send(SUBSCRIBE)
    signed.rest.give("first")
    signed.step()
    signed.step(700)
    signed.stream.send(SUBSCRIBE)
    signed.rest.answer({"error": ["EAPI:Rate limit exceeded"]})
    signed.step()
    signer = vars(signed.stream)["_signer"]
    shown = caplog.text + repr(signed.stream) + repr(signer) + repr(vars(signer)["_signer"]) + signed.stream.error
    assert "Rate limit" in caplog.text
    assert not any(secret in shown for secret in ("first", SECRET, SECRET[:12]))


def test_a_stream_that_is_not_open_sends_nothing(signed: Signed) -> None:
    """A frame that is sent while the connection is being made would be sent too early."""
    signed.inner.state = PortState.CONNECTING
    assert not signed.stream.send(SUBSCRIBE)
    assert (signed.stream.state, signed.rest.asked) == (PortState.CONNECTING, [])


class Motions(StreamDefaults):
    """A port with motions to go through, in the middle of a message."""

    unfinished = True

    def __init__(self) -> None:
        """None gone through."""
        self.rehearsed: list[bytes] = []

    def rehearse(self, frame: bytes) -> None:
        """Note it."""
        self.rehearsed.append(frame)


def test_a_signed_stream_can_do_what_its_port_can(signed: Signed) -> None:
    """A process that spins rehearses every stream that looks, and bytes of half a message are no sign of life."""
    motions = Motions()
    stream = SignedStream(motions, TokenSigner(signed.rest, KrakenSigner("name", SECRET, lambda: 5)))  # type: ignore[arg-type]
    stream.rehearse(b"frame")
    assert motions.rehearsed == [b"frame"]
    assert stream.unfinished
    signed.stream.rehearse(b"frame")
    assert not signed.stream.unfinished
