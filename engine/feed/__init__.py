"""The feed: from a venue's bytes to ticks and books that say whether they may be believed."""
