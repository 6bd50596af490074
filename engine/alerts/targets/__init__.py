"""The targets of `[[alerts.targets]]`: one file for each kind. Adding a kind is one class in KINDS.

    [[alerts.targets]]
    name = "phone"       # in logs, and for engine-ctl alert test --target phone
    kind = "telegram"    # webhook, telegram, mail, apprise
    least = "critical"   # info, warning (default), critical

Further keys are those of its kind: the file of the kind lists them.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial, reduce
from pathlib import Path
from typing import Any

import msgspec

from engine.alerts.targets.apprise import Apprise
from engine.alerts.targets.mail import Mail
from engine.alerts.targets.target import Target, TargetOptions, Text
from engine.alerts.targets.telegram import Telegram
from engine.alerts.targets.webhook import Webhook
from engine.config import Config, Secret
from engine.config.nearest import did_you_mean, unknown_key

__all__ = ["KINDS", "Target", "TargetOptions", "filled", "targets_of"]

KINDS: dict[str, type[Target]] = {"webhook": Webhook, "telegram": Telegram, "mail": Mail, "apprise": Apprise}
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def targets_of(config: Config) -> dict[str, Target]:
    """The targets of a configuration by name; ValueError with the place of the first wrong key."""
    assert config.alerts is not None, "the role alerts without its table"
    places = enumerate(config.alerts.targets)
    made = [_made(table, f"targets[{place}]", partial(filled, config)) for place, table in places]
    for name, count in Counter(one.options.name for one in made).items():
        if count > 1:
            msg = f"targets.name = {name!r}: expected a unique name, found it {count} times"
            raise ValueError(msg)
    return {one.options.name: one for one in made}


def _made(table: Mapping[str, Any], place: str, fill: Callable[[Text], Text]) -> Target:
    """The target of one table."""
    kind = KINDS.get(_text(table, place, "kind"))
    if kind is None:
        found = str(table["kind"])
        near = did_you_mean(found, KINDS)
        msg = f"{place}.kind = {found!r}: unknown kind; {near}expected one of {', '.join(KINDS)}"
        raise ValueError(msg)
    if not NAME.fullmatch(_text(table, place, "name")):
        msg = f"{place}.name = {table['name']!r}: expected a-z, 0-9 and _, 31 at most"
        raise ValueError(msg)
    return kind(_with_paths(_converted(table, place, kind), fill))


def _text(table: Mapping[str, Any], place: str, key: str) -> str:
    found = table.get(key)
    if isinstance(found, str):
        return found
    msg = f"{place}.{key}: missing, expected {'one of ' + ', '.join(KINDS) if key == 'kind' else 'a name'}"
    raise ValueError(msg)


def _converted(table: Mapping[str, Any], place: str, kind: type[Target]) -> TargetOptions:
    """The options; an error names the key and, for an unknown one, the nearest right one, but no value."""
    known = [one.encode_name for one in msgspec.structs.fields(kind.options_type)]
    for key in table:
        if key not in known:
            msg = f"{place}.{key}: {unknown_key(key, known)}"
            raise ValueError(msg)
    try:
        return msgspec.convert(table, kind.options_type)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `$")
        msg = f"{place}{at.rstrip('`')}: {what[:1].lower()}{what[1:]}"
        raise ValueError(msg) from None


def _with_paths(options: TargetOptions, fill: Callable[[Text], Text]) -> TargetOptions:
    """The options with this machine's paths in the places of secrets."""
    found = {one.name: getattr(options, one.name) for one in msgspec.structs.fields(options)}
    return msgspec.structs.replace(
        options, **{name: fill(one) for name, one in found.items() if isinstance(one, Secret)}
    )


def filled(config: Config, text: Text) -> Text:
    """A secret with {run}, {state} and {here} in the path of its file replaced; another text as it is."""
    if not isinstance(text, Secret) or not text.file:
        return text
    paths = {"{run}": config.paths.run, "{state}": config.paths.state, "{here}": Path(config.path).resolve().parent}
    return Secret(file=reduce(lambda path, mark: path.replace(mark, str(paths[mark])), paths, text.file))
