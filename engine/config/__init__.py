"""One file is one complete system: read it, check every word of it, hand it out typed.

`load("configs/demo.toml")` returns a `Config` or raises `ConfigError`, whose text names the file, the key, the value
and what was expected. Tables that belong to a layer above (risk, feed, execution, a strategy's parameters) are carried
as plain tables, and it is that layer which refuses their unknown keys.

A key can be overridden by the environment: `STEELYARD__SYSTEM__MODE=live`, `STEELYARD__VENUES__NAME__STREAM_URL=...`
(two underscores between the steps of the path, a list's element by its `name` or by its number; the value is read as
TOML, else as text). Every process of a system must see the same environment; the supervisor hands its own to all.
Secrets never stand in the file: it names the variable or the file that holds them.
"""

from engine.config.load import load, load_session
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
    "load_session",
]
