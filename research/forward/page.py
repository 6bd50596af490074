"""Writes the page of a walk: one HTML file that needs nothing else, as that of a report."""

import os
from pathlib import Path

from research.forward.summary import summary_of
from research.forward.walk import Walk
from research.report.page import SIZE_MOST, filled


def write(path: str | os.PathLike[str], walk: Walk) -> Path:
    """Write the page, in one step; the same walk gives the same bytes."""
    text = filled(f"Walk-forward of {walk.strategy}", summary_of(walk), "walk.js").encode()
    if len(text) > SIZE_MOST:
        raise ValueError(f"{path}: {len(text)} bytes, at most {SIZE_MOST}: use fewer `folds` or `slices`")
    target = Path(path)
    new = target.with_name(target.name + ".new")
    new.write_bytes(text)
    new.replace(target)
    return target
