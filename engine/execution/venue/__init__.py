"""The account at the venue: its session, its reports, and whatever they say that contradicts ours."""
