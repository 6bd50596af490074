"""A system's limits in a file of their own: `risk_limits = "risk_limits.toml"`, beside the system's file.

    [position_limits]              the tables are headings: each may have any key of the system's table [risk]
    max_position_usd = 100000.0    ──▶   risk.max_position_usd

The keys are put into `[risk]` when the system's file is read: everything that reads or sets a limit finds them there.
A key that is set twice is refused. The supervisor keeps a copy of the file beside its copy of the system's.
"""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from engine.config.nearest import did_you_mean
from engine.config.overrides import error_text
from engine.config.private import replace_private
from engine.config.tables import RECORDER, ConfigError

KEY, RISK = "risk_limits", "risk"
FILES = ("var_history", "margin_brackets")  # the keys of [risk] that name a file
HEADINGS = ("position_limits", "risk_metrics", "order_limits", "margin", "account", "breakers")
COPY = "risk-limits.toml"  # beside the supervisor's copy of the system's file


def merge(tree: dict[str, Any], path: Path, copy: Path | None = None) -> frozenset[str]:
    """Put the keys of the file that a system's tables name into their `[risk]`; the places of these keys.

    `copy`: of the system's file, which is read in its place.
    """
    name = tree.get(KEY)
    if not isinstance(name, str) or not name:
        return frozenset()
    file = path.parent / name
    kept = None if copy is None else copy.with_name(COPY)
    text = _read(kept if kept is not None and kept.exists() else file, path)
    risk = tree.setdefault(RISK, {})
    if not isinstance(risk, dict):
        return frozenset()
    keys = _keys(text, file)
    for key, value in keys:
        if key in risk:
            raise ConfigError(error_text(file, key, value, f"is set again, here or in [risk] of {path}: delete one"))
        risk[key] = value
    return frozenset(f"{RISK}.{key}" for key, _ in keys)


def placed(risk: dict[str, Any], here: str) -> dict[str, Any]:
    """The keys of `[risk]` with each path of a file that is relative to the system's file made a whole one.

    `recorder` is no path, but the history that the recorder makes.
    """
    names = {key: risk.get(key) for key in FILES if risk.get(key) != RECORDER}
    return risk | {key: str(Path(here) / name) for key, name in names.items() if isinstance(name, str) and name}


def keep_copy(path: Path, sound: Path) -> None:
    """Copy the limits' file that a system's file names beside the copy of that file."""
    file, kept = _named(path), sound.with_name(COPY)
    if file is None:
        kept.unlink(missing_ok=True)
    else:
        replace_private(kept, file.read_bytes())


def digest(path: Path) -> str:
    """The SHA-256 of a system's file and of the limits' file that it names."""
    file = _named(path)
    return hashlib.sha256(path.read_bytes() + (b"" if file is None else file.read_bytes())).hexdigest()


def digest_of_copy(sound: Path) -> str:
    """The same of the copies that the supervisor has of both."""
    kept = sound.with_name(COPY)
    return hashlib.sha256(sound.read_bytes() + (kept.read_bytes() if kept.exists() else b"")).hexdigest()


def _named(path: Path) -> Path | None:
    """The limits' file that a system's file names; None for none, and for a file that is wrong."""
    try:
        name = tomllib.loads(path.read_text(encoding="utf-8")).get(KEY)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    return path.parent / name if isinstance(name, str) and name and (path.parent / name).exists() else None


def _read(file: Path, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        text = f"cannot be read ({error.strerror}): expected a file with tables {', '.join(HEADINGS)}"
        raise ConfigError(error_text(path, KEY, str(file), text)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error


def _keys(text: dict[str, Any], file: Path) -> list[tuple[str, Any]]:
    """The keys of all tables with their values."""
    found: list[tuple[str, Any]] = []
    for heading, table in text.items():
        if heading not in HEADINGS or not isinstance(table, dict):
            what = f"unknown table; {did_you_mean(heading, HEADINGS)}expected one of {', '.join(HEADINGS)}"
            raise ConfigError(error_text(file, heading, None, what))
        found += table.items()
    return found
