"""Walk-forward: parameters are chosen on a part of the past, and judged on the part that follows.

rolling    ├─ choose ─┤─ judge ─┤                anchored    ├─ choose ─┤─ judge ─┤
              ├─ choose ─┤─ judge ─┤                         ├─ choose ───────┤─ judge ─┤

from research.forward import walk_forward
walk = walk_forward("btc.npy", "mine:Maker", space={"width": [1, 2, 3]}, instruments=[btc], models=models)
walk.curve()            the equity of the judged parts, one after the other
"""

from research.forward.walk import Fold, Walk, walk_forward

__all__ = ["Fold", "Walk", "walk_forward"]
