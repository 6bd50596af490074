"""Counters and histograms of a role in shared memory: updated in place on the hot path, read by every looker."""
