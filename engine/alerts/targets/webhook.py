"""A webhook: each message is a JSON object in a POST. `text` is the whole message, as Slack and Mattermost expect it.

    {"id": …, "system": …, "mode": …, "host": …, "cause": …, "subject": …, "severity": …, "state": "begin",
     "count": 1, "first_ns": …, "last_ns": …, "what": …, "to_do": …, "title": …, "text": …}

A message whose answer was lost is sent again with the same id; the header Idempotency-Key has it too.
"""

from typing import ClassVar

import msgspec

from engine.alerts.message import Message
from engine.alerts.outbox import Outcome
from engine.alerts.targets.target import TIMEOUT_S, Target, TargetOptions, Text, outcome_of
from engine.caller import Caller, checked_url, place_of
from engine.config.secret import revealed


class WebhookOptions(TargetOptions, frozen=True, kw_only=True):
    """The keys of a webhook."""

    url: Text  # https://…, or a secret that holds it
    authorization: Text = ""  # the header Authorization: "Bearer …"


class Webhook(Target):
    """A POST to a URL."""

    options_type: ClassVar = WebhookOptions
    options: WebhookOptions

    def __init__(self, options: WebhookOptions) -> None:
        """Make no connection yet."""
        super().__init__(options)
        self._caller = Caller(TIMEOUT_S)
        self.abort = self._caller.abort  # type: ignore[method-assign]

    def check(self) -> None:
        """Read the URL and the header."""
        checked_url(revealed(self.options.url))
        revealed(self.options.authorization)

    def secrets(self) -> tuple[str, ...]:
        """The URL and the header."""
        return revealed(self.options.url), revealed(self.options.authorization)

    def deliver(self, message: Message) -> Outcome:
        """Send one POST."""
        url, authorization = self.secrets()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        if authorization:
            headers["Authorization"] = authorization
        answer = self._caller.request("POST", url, msgspec.json.encode(tree_of(message)), headers)
        return outcome_of(answer, place_of(checked_url(url)))


def tree_of(message: Message) -> dict[str, object]:
    """A message as the object that is sent."""
    fields: dict[str, object] = msgspec.to_builtins(message)
    del fields["own"]
    return {**fields, "title": message.title, "text": f"{message.title}\n{message.text}"}
