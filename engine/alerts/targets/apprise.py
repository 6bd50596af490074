"""Any service that Apprise knows (pip install steelyard[alerts]): one URL of https://github.com/caronc/apprise/wiki.

The library is imported when a target of this kind is made, and not before.
"""

import importlib
import importlib.util
from typing import Any, ClassVar

from engine.alerts.message import Message, Severity
from engine.alerts.outbox import Failed, Outcome, Sent
from engine.alerts.targets.target import Target, TargetOptions, Text
from engine.config.secret import revealed

KINDS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseOptions(TargetOptions, frozen=True, kw_only=True):
    """The keys of a service of Apprise."""

    url: Text  # with its token: use a secret


class Apprise(Target):
    """A message through Apprise."""

    options_type: ClassVar = AppriseOptions
    options: AppriseOptions

    def check(self) -> None:
        """Import the library and let it read the URL."""
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("apprise is not installed: pip install 'steelyard[alerts]'")
        self._service()

    def secrets(self) -> tuple[str, ...]:
        """The URL."""
        return (revealed(self.options.url),)

    def deliver(self, message: Message) -> Outcome:
        """Send by the library; it gives no reason for a failure."""
        service, kind = self._service(), KINDS[message.severity]
        if service.notify(title=message.title, body=message.text, notify_type=kind):
            return Sent()
        return Failed("apprise could not send it, and gives no reason: try the URL with the command apprise -vv")

    def _service(self) -> Any:
        service = importlib.import_module("apprise").Apprise()
        if not service.add(revealed(self.options.url)):
            raise ValueError("apprise does not know the service of this URL: see its list of services")
        return service
