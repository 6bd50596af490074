"""The process of a look-ahead test: it forks a child for each tape, and never imports the strategy itself.

python -m research.lookahead.runner FOLDER       reads spec.json, writes report.json
"""

import sys
from pathlib import Path

import msgspec
import numpy as np

from research.lookahead.cuts import Cut, cuts_of
from research.lookahead.opened import IN_ACCESS, Opened
from research.lookahead.report import Report, differences_of
from research.lookahead.tape import Job, Outcome, Spec, run
from research.simulate.data.events import Events


class CannotTestError(Exception):
    """The strategy cannot be tested on this data; the text says why."""


def compare(job: Job, folder: Path) -> Report:
    """Run on all data twice, then on each cut."""
    experiment = job.spec.experiment
    events = experiment.events()
    whole, written = _whole(job.spec, events, folder)
    models = experiment.models_chosen()
    latencies = (models.feed_latency, models.order_latency, models.answer_latency)
    least_ns = max(one.most_ns for one in latencies if one is not None)
    cuts = cuts_of(events, np.unique(whole.rows()["now_ns"]), job.cuts, least_ns)
    if not cuts:
        raise CannotTestError(f"the data has no end of a message after the latency, {least_ns} ns: use more data")
    opened, kept = Opened(Path(one) for one in job.watch), Opened(map(Path, written), IN_ACCESS)
    parts = [(one, run(job.spec, events, one, folder)) for one in cuts]
    began = [(cut, part) for cut, part in parts if not part.error or part.error_ns]
    skipped = tuple(f"{cut.events} events: {part.error}" for cut, part in parts if part.error and not part.error_ns)
    if not began:
        raise CannotTestError(f"the strategy could not begin on any cut; {skipped[0]}")
    by_id = {one.id: one for one in experiment.instruments}
    differences = differences_of(whole, began, by_id)
    found, read = (tuple(sorted(one.read())) for one in (opened, kept))
    return Report(experiment.strategy, len(began), skipped, len(whole.rows()), differences, found, read)


def _whole(spec: Spec, events: Events, folder: Path) -> tuple[Outcome, set[str]]:
    """The run on all data, and the files that it wrote; what makes a comparison impossible is refused."""
    cut = Cut(len(events), len(events), int(events[-1]["receive_ns"]) + 1)
    whole, again = (run(spec, events, cut, folder) for _ in range(2))
    if whole.error:
        raise CannotTestError(f"the run on all data failed: {whole.error}")
    if not whole.intents:
        raise CannotTestError("the strategy submits no intent on this data: nothing can be compared")
    if whole.intents != again.intents:
        raise CannotTestError(
            "two runs on the same data differ: the strategy uses a clock, the network or a generator without a seed"
        )
    return whole, {*whole.written, *again.written}


def main() -> int:
    """Test; 0 with a report, 1 without."""
    folder = Path(sys.argv[1])
    job = msgspec.json.decode((folder / "job.json").read_bytes(), type=Job)
    try:
        report = compare(job, folder)
    except (CannotTestError, ChildProcessError, ValueError, OSError) as error:
        (folder / "error").write_text(str(error))
        return 1
    (folder / "report.json").write_bytes(msgspec.json.encode(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
