"""Telegram: a bot sends each message to a chat (https://core.telegram.org/bots/api#sendmessage)."""

from typing import ClassVar

import msgspec

from engine.alerts.message import Message, Severity
from engine.alerts.outbox import Failed, Outcome
from engine.alerts.targets.target import TIMEOUT_S, Target, TargetOptions, Text, outcome_of
from engine.caller import Caller, checked_url, place_of
from engine.config import Secret
from engine.config.secret import revealed

API = "https://api.telegram.org"


class TelegramOptions(TargetOptions, frozen=True, kw_only=True):
    """The keys of a Telegram bot."""

    token: Secret  # of the bot, as BotFather shows it
    chat: int | str  # the chat's number, or @channel
    api_url: Text = API


class Telegram(Target):
    """A message of a bot."""

    options_type: ClassVar = TelegramOptions
    options: TelegramOptions

    def __init__(self, options: TelegramOptions) -> None:
        """Make no connection yet."""
        super().__init__(options)
        self._caller = Caller(TIMEOUT_S)
        self.abort = self._caller.abort  # type: ignore[method-assign]

    def check(self) -> None:
        """Read the token and the URL."""
        checked_url(self._url())

    def secrets(self) -> tuple[str, ...]:
        """The token."""
        return (self.options.token.reveal(),)

    def deliver(self, message: Message) -> Outcome:
        """Call sendMessage; the text is plain, so that no character of it has a meaning."""
        body = {
            "chat_id": self.options.chat,
            "text": f"{message.title}\n{message.text}",
            "disable_notification": message.severity is Severity.INFO,
        }
        url = self._url()
        headers = {"Content-Type": "application/json"}
        answer = self._caller.request("POST", url, msgspec.json.encode(body), headers)
        outcome = outcome_of(answer, place_of(checked_url(url)))
        if isinstance(outcome, Failed) and not outcome.retry_after_s:
            return Failed(outcome.error, _retry_after_s(answer.body))
        return outcome

    def _url(self) -> str:
        token = self.options.token.reveal()
        if not token or not all(one.isalnum() or one in ":_-" for one in token):
            raise ValueError("the token holds other characters than a bot's token, expected NUMBER:LETTERS")
        return f"{revealed(self.options.api_url).rstrip('/')}/bot{token}/sendMessage"


class _Parameters(msgspec.Struct):
    retry_after: float = 0.0


class _Answer(msgspec.Struct):
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


def _retry_after_s(body: bytes) -> float:
    """The pause that Telegram asks for in its answer; 0 when it asks for none."""
    try:
        return max(0.0, msgspec.json.decode(body, type=_Answer).parameters.retry_after)
    except msgspec.DecodeError:
        return 0.0
