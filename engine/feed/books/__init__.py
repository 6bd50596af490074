"""From frames to ticks and books: each instrument's track, its chain, its prints and the records it publishes."""
