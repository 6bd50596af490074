"""The study of netting: what was filled without the venue has cost nothing there."""

from pathlib import Path

import pytest

from bench import netting
from bench.algorithms import PROFILE


def test_the_fees_are_of_what_went_to_the_venue(tmp_path: Path) -> None:
    """Two figures that do not agree would be two tapes, or two countings."""
    (profile := tmp_path / "profile.csv").write_text(PROFILE)
    cost = netting.run(2, netting.SCENES[0], profile, netting=True)
    assert cost.netted > 0.5
    assert cost.fees_bps == pytest.approx(netting.FEE_BPS * (1 - cost.netted), rel=0.01)
    assert abs(cost.spread_bps) < 1
