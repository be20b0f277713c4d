"""Settings of every test."""

from __future__ import annotations

from hypothesis import settings

# The ordinary run is the same every time and knows no time limit a busy machine could miss; `make fuzz` looks further.
settings.register_profile("default", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("fuzz", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("default")
