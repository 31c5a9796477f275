"""Property tests here call decoders whose first call loads a library: no deadline for one example."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("media", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("media")
