"""From the journal back to a state: replay, checkpoints, and the disk under them."""
