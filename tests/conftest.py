"""What holds for every test: a property is judged by what it says, not by how long a busy machine takes for it."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steelyard", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
settings.load_profile("steelyard")
