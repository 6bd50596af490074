"""The words of the engine."""
