"""How many spoilt frames a run has time for: a share in CI, a million in `make soak` and `make sanitize`."""

import os

MUTATIONS = int(os.environ.get("STEELYARD_MUTATIONS", "1000000" if os.environ.get("STEELYARD_SOAK") else "40000"))
