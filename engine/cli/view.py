"""engine-ctl view: the whole system on one screen."""

import argparse
import time

from engine.cli.live import draw_live
from engine.cli.output import Terminal, choose_system
from engine.monitor.figures import Figures
from engine.view.screen import screen

INTERVAL_S = 0.2
ONCE_S = 1.0  # a rate needs two readings


def view(options: argparse.Namespace) -> int:
    """Show the whole system on one screen: live at a terminal until `q` or ^C, once into a file or a pipe."""
    figures = Figures(choose_system(options.system))
    console = Terminal()
    if options.once or not console.is_terminal:
        for pause_s in (0.0, ONCE_S):
            time.sleep(pause_s)
            figures.poll()
        console.print(screen(figures, console.width))
        return 0
    figures.poll()
    return draw_live(lambda: screen(figures, console.width, console.height), figures.poll, INTERVAL_S)
