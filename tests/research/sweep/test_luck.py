"""The luck of the best trial: all that was tried counts."""

from pathlib import Path

import numpy as np

from research.sweep import Row, attach
from research.sweep.run.log import LogWriter
from tests.research.sweep.cases import described


def logged(home: Path, slices: np.ndarray, **changed: object) -> str:
    """A sweep whose log has trials with these changes of equity; its id."""
    folder = described(home, **changed)
    writer = LogWriter(folder.trials)
    for number, one in enumerate(slices):
        sharpe = float(one.mean() / one.std(ddof=1))
        writer.append(Row(number, {}, "", {"sharpe_of_slices": sharpe, "pnl": float(one.sum())}, one.tolist()))
    writer.close()
    return folder.id


def test_a_winner_among_noise_is_judged_by_all_that_was_tried(tmp_path: Path) -> None:
    """Twelve trials and twelve of an earlier sweep are twenty-four chances to be lucky."""
    draw = np.random.default_rng(5)
    noise, more = draw.normal(0, 1, (2, 12, 32))
    number = logged(tmp_path, noise)
    alone = attach(number, tmp_path).luck()
    logged(tmp_path, more, seed=1)
    both = attach(number, tmp_path).luck()
    assert alone is not None
    assert both is not None
    assert (alone.tried, both.tried) == (12, 24)
    assert both.deflated_sharpe < alone.deflated_sharpe < 0.95
    assert both.trial == int(np.argmax(noise.mean(axis=1) / noise.std(axis=1, ddof=1)))
    assert alone.overfit is not None
    assert "24 trials tried on this data; the best by Sharpe is" in str(both)


def test_a_real_winner_is_more_than_luck(tmp_path: Path) -> None:
    """The canary: a judgement that is always bad would be ignored."""
    found = np.random.default_rng(5).normal(0, 1, (12, 32))
    found[3] += 3
    luck = attach(logged(tmp_path, found), tmp_path).luck()
    assert luck is not None
    assert luck.trial == 3
    assert luck.deflated_sharpe > 0.99
    assert luck.overfit < 0.05
