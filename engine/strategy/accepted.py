"""Whether a strategy may trade live: the verdict of `research.accept` on exactly this code with these parameters.

    [[strategies]]                      [live]
    accepted = "maker.accepted.json"    accepted_only = true

The file is checked in every mode: it must be whole, and belong to this class, code and parameters. Its verdict counts
in mode live. The seal finds a file that was changed by hand; it does not protect against somebody who makes a new one.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.strategy.api.strategy import Strategy, checked_parameters
from engine.strategy.code import name_of, source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config import Config
    from engine.config import Strategy as StrategyTable

FORMAT = 1


class Row(msgspec.Struct, frozen=True):
    """One threshold: what was found, and what was expected."""

    name: str
    holds: bool
    text: str


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verdict, with what it is about."""

    format: int
    verdict: Literal["accepted", "rejected"]
    strategy: str  # module:class
    code: str  # `source` of the class
    parameters: dict[str, Any]  # all, with the defaults
    data: str  # a hash of the data that it was tested on
    rows: list[Row]
    thresholds: dict[str, Any]
    seal: str = ""  # of everything above


class NotAcceptedError(ValueError):
    """A strategy may not trade as it is configured; the text names the file, what was found and what to do."""


def sealed(verdict: Accepted) -> Accepted:
    """The verdict with its seal."""
    return msgspec.structs.replace(verdict, seal=_seal_of(verdict))


def read(path: Path) -> Accepted:
    """Read a verdict; NotAcceptedError when it is missing, no verdict, or changed."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Accepted)
    except OSError as error:
        raise NotAcceptedError(f"{path}: {error.strerror}: python -m research.accept writes it") from error
    except msgspec.DecodeError as error:
        raise NotAcceptedError(f"{path}: {error}: expected a file of python -m research.accept") from error
    if found.format != FORMAT:
        raise NotAcceptedError(f"{path}: format {found.format}, expected {FORMAT}: judge the strategy again")
    if found.seal != _seal_of(found):
        raise NotAcceptedError(f"{path}: it was changed after research.accept wrote it: judge the strategy again")
    return found


def check(config: "Config", table: "StrategyTable", kind: type[Strategy]) -> None:
    """Refuse a strategy whose verdict is missing where it is required, is another's, or, in mode live, is rejected."""
    is_live = config.system.mode == "live"
    if not table.accepted:
        if is_live and config.live.accepted_only:
            msg = 'live.accepted_only requires `accepted = "…"`, a file of python -m research.accept'
            raise NotAcceptedError(f"strategies.{table.name}: {msg}")
        return
    path = Path(config.path).parent / table.accepted
    found = read(path)
    _check_same(path, found, kind, table.parameters)
    if is_live and found.verdict != "accepted":
        failed = "; ".join(f"{one.name}: {one.text}" for one in found.rows if not one.holds)
        raise NotAcceptedError(f"{path}: the strategy was rejected: {failed}")


def parameters_of(kind: type[Strategy], parameters: "Mapping[str, Any]") -> dict[str, Any]:
    """All parameters, with the defaults, as the verdict has them."""
    found = msgspec.to_builtins(checked_parameters(kind, parameters))
    return found if isinstance(found, dict) else {}


def _check_same(path: Path, found: Accepted, kind: type[Strategy], parameters: "Mapping[str, Any]") -> None:
    """Refuse a verdict on another class, code or parameters."""
    name = name_of(kind)
    if found.strategy != name:
        raise NotAcceptedError(f"{path}: it is about {found.strategy}, the configuration has {name}")
    if found.code != source(kind):
        raise NotAcceptedError(f"{path}: the code of {name} has changed since: judge it again")
    configured = parameters_of(kind, parameters)
    for name in sorted(configured.keys() | found.parameters.keys()):
        one, other = found.parameters.get(name), configured.get(name)
        if one != other:
            raise NotAcceptedError(f"{path}: {name} was {one!r}, the configuration has {other!r}: judge it again")


def _seal_of(verdict: Accepted) -> str:
    """A hash of everything but the seal."""
    whole = msgspec.json.encode(msgspec.structs.replace(verdict, seal=""), order="deterministic")
    return hashlib.sha256(whole).hexdigest()
