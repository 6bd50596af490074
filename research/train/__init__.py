"""Labels, purged validation, scaling and training: from recorded prints to a candidate model and its report.

python -m research.train CONFIG.toml       docs/research/training.md has the keys
"""
