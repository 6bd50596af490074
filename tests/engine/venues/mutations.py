"""How many spoilt frames each test of a run has time for: a share in CI, a million in `make soak`, `make sanitize`."""

import os

_COUNT = os.environ.get("STEELYARD_MUTATIONS", "1000000" if os.environ.get("STEELYARD_SOAK") else "")
MUTATIONS = int(_COUNT or 40_000)
STRUCTURES = int(_COUNT or 4_000)  # spoilt in their structure, for one venue: each is parsed several times
TRADING = int(_COUNT or 10_000)  # spoilt in their structure, each read by an execution that trades
