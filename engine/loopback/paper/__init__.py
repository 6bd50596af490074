"""The paper venue: an account at the embedded venue whose orders meet the real market's book and prints."""
