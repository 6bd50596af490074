"""The account at the venue: its session, its reports, and every contradiction between them and our state."""
