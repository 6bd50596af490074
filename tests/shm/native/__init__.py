"""Proofs of ring.h itself in C, compiled when they run."""
