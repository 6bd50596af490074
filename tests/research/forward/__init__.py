"""Walk-forward: no choice knows what follows it."""
