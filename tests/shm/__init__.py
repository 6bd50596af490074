"""Proofs of the shared-memory core: behaviour, torture with real processes, an exhaustive model, sanitizers."""
