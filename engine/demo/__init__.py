"""`make demo`: the whole engine as real processes, with a live view."""
