"""The outside heartbeat: a GET to `heartbeat_url` every `heartbeat_every_ms`, while the system is healthy.

A service outside (healthchecks.io, Uptime Kuma, an own one) reports when the request stays away: so the loss of the
machine, of its network or of alerts itself is noticed. Healthy means: every process runs and steps, supervisor and
guard run, no disk is full, and every target accepts its messages. A halt is no reason to stop: it is a message.
"""

from typing import ClassVar

from engine.alerts.message import Message
from engine.alerts.outbox import Outcome
from engine.alerts.targets.target import Target, TargetOptions, Text, outcome_of
from engine.caller import Caller, checked_url, place_of
from engine.config.secret import revealed

NAME = "(heartbeat)"  # no target can be called so
TIMEOUT_S = 10.0


class HeartbeatOptions(TargetOptions, frozen=True, kw_only=True):
    """The address."""

    url: Text


class Heartbeat(Target):
    """The request, made by the same threads as messages."""

    options_type: ClassVar = HeartbeatOptions
    options: HeartbeatOptions

    def __init__(self, url: Text) -> None:
        """Request this URL."""
        super().__init__(HeartbeatOptions(name=NAME, kind="heartbeat", url=url))
        self._caller = Caller(TIMEOUT_S)
        self.abort = self._caller.abort  # type: ignore[method-assign]

    def check(self) -> None:
        """Read the URL."""
        checked_url(revealed(self.options.url))

    def secrets(self) -> tuple[str, ...]:
        """The URL: its path is a secret at most services."""
        return (revealed(self.options.url),)

    def deliver(self, message: Message) -> Outcome:
        """Make one GET; the message is not sent."""
        del message
        (url,) = self.secrets()
        return outcome_of(self._caller.request("GET", url), place_of(checked_url(url)))
