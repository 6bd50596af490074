"""Tests of labels, validation and training."""
