"""The connections to a venue: subscribed, watched, replaced, and the books that are asked for beside them."""
