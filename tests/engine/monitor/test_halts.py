"""The halts of a system: the command that ends each one, as an operator types it."""

import time

from engine.lanes import EXECUTION, lane_of, open_lanes
from engine.model.words import HaltReason
from engine.monitor.figures import Figures
from engine.monitor.halts import halts_of
from engine.supervisor import segments
from tests.engine.conftest import Write

TABLES = (
    '[[venues]]\nname = "east"\nkind = "binance"\n[[instruments]]\nid = 7\nvenue = "east"\nsymbol = "BTCUSDT"\n'
    '[[strategies]]\nname = "maker"\nid = 1\nclass = "engine.strategy.samples:ImbalanceMaker"\ninstruments = [7]\n'
)


def test_the_halt_of_a_scope_names_the_command_that_ends_it_and_no_other(write: Write) -> None:
    """A resume without an option leaves the scope halted, and the operator believes that it trades again."""
    config = write(TABLES)
    segments.create(config)
    record = lane_of("scope_halts").record
    empty = {at.name: b"" if at.code == "S" else 0 for at in record.fields}
    cells = open_lanes(config.system.name, EXECUTION).cell_writer("scope_halts")
    values = {"since_ns": time.time_ns(), "reason": HaltReason.OPERATOR}
    for place, scope in enumerate(({"strategy": 1}, {"account": 1}, {"instrument": 7})):
        cells.write(place, *record.row(**empty | values | scope))
    figures = Figures(config.system.name)
    figures.poll()
    names = figures.names  # a system that has never been up is known by its numbers
    assert {one.scope.partition(" ")[0]: one.ended_by for one in halts_of(figures)} == {
        "strategy": f"engine-ctl resume --strategy {names.strategy(1)}",
        "account": f"engine-ctl resume --account {names.account(1)}",
        "instrument": "engine-ctl resume --instrument 7",  # its feed has not published its symbol yet
    }
    cells.close()
    segments.remove(config)
