"""Laws are tried without a stopwatch: a busy machine is no counter-example."""

from hypothesis import settings

settings.register_profile("app", deadline=None)
settings.load_profile("app")
