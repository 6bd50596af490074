"""How many spoilt frames each test of a run has time for: a share in CI, a million in `make soak`, `make sanitize`."""

import os

_TOLD = os.environ.get("STEELYARD_MUTATIONS", "1000000" if os.environ.get("STEELYARD_SOAK") else "")
MUTATIONS = int(_TOLD or 40_000)
STRUCTURES = int(_TOLD or 4_000)  # spoilt in their structure, for one venue: each is parsed several times
TRADING = int(_TOLD or 10_000)  # spoilt in their structure, each taken by an execution that trades
