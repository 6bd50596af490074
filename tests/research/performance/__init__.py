"""Performances: what a run did, in one currency."""
