"""Labels, purged validation and scaling for models that learn from history.

The first rows that a split, a label or a scale must not see are the ones it would gain from; docs/research/training.md.
"""
