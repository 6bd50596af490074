"""The router: parents that span accounts."""
