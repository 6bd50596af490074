"""A venue's instruments: from its metadata, its own channel or disk, and what a frame says against them."""
