"""Runs the trials of a sweep: the driver, its children and their passes, and what they leave on the disk."""
