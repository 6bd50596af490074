"""A screen that is drawn again and again until the operator ends it."""

from collections.abc import Callable

from rich.console import RenderableType
from rich.live import Live

from engine.cli.keys import QUIT, Keys


def draw_live(draw: Callable[[], RenderableType], poll: Callable[[], object], interval_s: float) -> int:
    """Poll and draw until `q` or Ctrl-C; the exit code."""
    with Keys() as keys, Live(draw(), screen=True, auto_refresh=False) as live:
        while keys.wait(interval_s) != QUIT:
            poll()
            live.update(draw(), refresh=True)
    return 0
