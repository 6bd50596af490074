"""Hypothesis settings for every test: a property is judged by its result, not by a busy machine's speed."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steelyard", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
settings.load_profile("steelyard")
