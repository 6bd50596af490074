"""Walk-forward: parameters are chosen on a part of the past, and judged on the part that follows.

rolling    ├─ choose ─┤─ judge ─┤                anchored    ├─ choose ─┤─ judge ─┤
              ├─ choose ─┤─ judge ─┤                         ├─ choose ───────┤─ judge ─┤

from research.forward import walk_forward, write
walk = walk_forward("btc.npy", "mine:Maker", space={"width": [1, 2, 3]}, instruments=[btc], models=models)
walk.curve()            the equity of the judged parts, one after the other
write("walk.html", walk)

`python -m research.forward CONFIG.toml` is the same on the command line; docs/research/walk-forward.md.
"""

from research.forward.page import write
from research.forward.walk import Fold, Walk, walk_file, walk_forward

__all__ = ["Fold", "Walk", "walk_file", "walk_forward", "write"]
