"""Online learning: experts, failures, ensembles, regimes."""
