"""Coinbase Exchange: the older feed, with every order of the book."""
