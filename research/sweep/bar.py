"""The progress bar of a sweep: how many trials have ended, how many failed, the time left."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from research.sweep.attached import Progress, Sweep

MINUTE_S = 60


def left_of(seconds: float | None) -> str:
    """A time left, in words."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), MINUTE_S)
    hours, minutes = divmod(minutes, MINUTE_S)
    return f"{hours}:{minutes:02}:{rest:02} left"


@contextlib.contextmanager
def shown(sweep: "Sweep", *, bar: bool) -> Iterator[Callable[["Progress"], None]]:
    """A function that shows a progress, on a bar or not at all."""
    if not bar:
        yield lambda _now: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, auto_refresh=False) as drawn:
        task = drawn.add_task(sweep.id, total=sweep.study.count, left="")

        def update(now: "Progress") -> None:
            failed = f"{now.failed} failed  " if now.failed else ""
            drawn.update(task, completed=now.ended, left=failed + left_of(now.seconds_left), refresh=True)

        yield update
