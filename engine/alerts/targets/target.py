"""What every target has in common: its name, its least severity, and a call that sends one message.

`send` blocks, in the target's own thread, and returns an outcome; it raises nothing that the world can cause. `abort`
is called from another thread and ends a call that hangs. A secret is read at each call, so a changed key needs no
restart; an error text never holds it.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import msgspec

from engine.alerts.message import Message, Severity
from engine.alerts.outbox import Failed, Outcome, Sent
from engine.caller import Answer, retry_after_s
from engine.config import Secret

TIMEOUT_S = 30.0  # of one wait for the endpoint
ERROR_MOST = 300
SHORT = 4  # characters: a shorter secret would mask ordinary text

Text = str | Secret


class TargetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys that a target of every kind has."""

    name: str
    kind: str
    least: Severity = Severity.WARNING  # it gets messages of this severity and above


class Target(ABC):
    """One target."""

    options_type: ClassVar[type[TargetOptions]]

    def __init__(self, options: TargetOptions) -> None:
        """Keep the options; nothing is connected."""
        self.options = options

    @abstractmethod
    def check(self) -> None:
        """Raise ValueError or OSError where the options or the secrets cannot work."""

    @abstractmethod
    def deliver(self, message: Message) -> Outcome:
        """Send one message; OSError and ValueError are failures."""

    def secrets(self) -> tuple[str, ...]:
        """What no text may hold."""
        return ()

    def abort(self) -> None:
        """End a call that hangs."""
        return

    def send(self, message: Message) -> Outcome:
        """Send one message; an error is an outcome, without the secrets."""
        try:
            outcome = self.deliver(message)
        except (OSError, ValueError) as error:
            outcome = Failed(str(error) or type(error).__name__)
        return outcome if isinstance(outcome, Sent) else self._masked(outcome)

    def _masked(self, failed: Failed) -> Failed:
        """The failure with each secret replaced."""
        try:
            secrets = self.secrets()
        except (OSError, ValueError):  # the secret cannot be read, so it is in no text either
            secrets = ()
        return Failed(mask(failed.error, secrets)[:ERROR_MOST], failed.retry_after_s)


def outcome_of(answer: Answer, place: str) -> Outcome:
    """Sent for a 2xx, else a failure with the status and the beginning of the answer."""
    if answer.good:
        return Sent()
    return Failed(f"{place} answered {answer.status}: {answer.text}", retry_after_s(answer.retry_after))


def mask(text: str, secrets: tuple[str, ...]) -> str:
    """A text without the secrets."""
    for secret in secrets:
        if len(secret) >= SHORT:
            text = text.replace(secret, "***")
    return text
