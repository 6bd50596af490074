"""What the monitor keeps of one account over its restarts, because the fills alone do not give it."""

import msgspec


class Kept(msgspec.Struct):
    """The state in the file."""

    peak: float | None = None  # the highest equity
    day_ns: int = 0  # when the UTC day began of which `day_net` is the first net
    day_from_ns: int = 0  # when it was found
    day_net: float | None = None
    loss_from: float | None = 0.0  # the net of the day from which its loss counts: an operator's resume begins it anew
    accepted: dict[str, str] = msgspec.field(default_factory=dict)  # differences, see `differences`

    def begin_limits(self) -> None:
        """Count the drawdown and the day's loss from now on, as execution does after its breakers are resumed."""
        self.peak = None
        self.loss_from = None
