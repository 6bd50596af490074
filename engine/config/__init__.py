"""One file is one complete system: read the file, check every key, return typed tables.

`load("configs/demo.toml")` returns a `Config` or raises `ConfigError`, whose text names the file, the key, the value
and what was expected. Tables of a layer above (risk, feed, execution, a strategy's parameters) stay plain tables; that
layer checks them.

An environment variable overrides a key: `STEELYARD__SYSTEM__MODE=live`, `STEELYARD__VENUES__NAME__STREAM_URL=...`
(two underscores between the parts of the path; an element of a list by its `name` or its number; the value is read as
TOML, else as text). Every process of a system must have the same environment; the supervisor passes its own to all.
Secrets are never in the file: it names the variable or the file that holds them.
"""

from engine.config.load import load, load_copy
from engine.config.paths import Paths, known_systems
from engine.config.secret import Secret
from engine.config.tables import (
    Config,
    ConfigError,
    Instrument,
    Journal,
    Process,
    Strategy,
    System,
    Venue,
    Watch,
)

__all__ = [
    "Config",
    "ConfigError",
    "Instrument",
    "Journal",
    "Paths",
    "Process",
    "Secret",
    "Strategy",
    "System",
    "Venue",
    "Watch",
    "known_systems",
    "load",
    "load_copy",
]
