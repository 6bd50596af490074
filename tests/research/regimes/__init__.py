"""Fits of hidden states."""
