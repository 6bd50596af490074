"""The configuration of a chaos world, as a file that the real supervisor's parts read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import Config, load

if TYPE_CHECKING:
    from engine.chaos.world import World

URL = "127.0.0.1:9"  # no role of this system connects: the world carries the messages
HEAD = """[system]
name = "{system}"
run_directory = "{directory}/run"
state_directory = "{directory}/state"
[canceller]
enabled = false
[[venues]]
name = "{venue}"
kind = "binance"
stream_url = "ws://{url}"
request_url = "http://{url}"
order_url = "ws://{url}/ws-api/v3"
"""


def write_file(world: "World", directory: Path, venue: str, on_death: Mapping[str, str], more: str = "") -> Config:
    """Write the file, followed by more text, and load it; its directories are made."""
    file = directory / "system.toml"
    text = HEAD.format(system=world.lanes.system, directory=directory, venue=venue, url=URL)
    for one in world.instruments:
        text += f'[[instruments]]\nid = {one.id}\nvenue = "{venue}"\nsymbol = "{one.symbol}"\n'
    for name, number in world.strategies.items():
        text += _strategy(world, name, number, on_death.get(name, "keep"))
    file.write_text(text + more, encoding="utf-8")
    config = load(file)
    config.paths.make()
    return config


def _strategy(world: "World", name: str, number: int, on_death: str) -> str:
    """The table of one strategy."""
    kind = type(world.make_strategy(name))
    return (
        f'[[strategies]]\nname = "{name}"\nid = {number}\nclass = "{kind.__module__}:{kind.__qualname__}"\n'
        f"instruments = {json.dumps([one.id for one in world.instruments])}\n"
        f'on_death = "{on_death}"\n'
    )
