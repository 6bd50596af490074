"""From frames to ticks and books: each instrument's track, its sequence, its prints and the records it publishes."""
