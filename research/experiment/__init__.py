"""One experiment: what a simulation runs, as plain values that fit a file, with the hashes of its code and its data.

strategy + parameters ─┐
data (`.npy`) ─────────┼──▶ Experiment ──run──▶ Result
instruments, models ───┘

A sweep runs one experiment with many parameters, a look-ahead test one experiment over many cut tapes.
"""

from research.experiment.code import code_of, engine_code
from research.experiment.description import Experiment, experiment_of, read_toml
from research.experiment.file import hash_of
from research.experiment.plain import from_plain, to_plain

__all__ = ["Experiment", "code_of", "engine_code", "experiment_of", "from_plain", "hash_of", "read_toml", "to_plain"]
