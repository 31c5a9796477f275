"""Two typed functions, served as they are: no class, no decorator, no import of Hotplate.

    hotplate run model.py:distance model.py:nearest
    curl localhost:8080/distance -H 'content-type: application/json' \
        -d '{"start": {"lat": 52.52, "lon": 13.405}, "end": {"lat": 48.857, "lon": 2.352}}'
"""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088


@dataclass
class Place:
    """A point on the Earth, in degrees north and east."""

    lat: float
    lon: float


def distance(start: Place, end: Place) -> float:
    """Give the way from `start` to `end` in kilometres, as the crow flies."""
    a, b = radians(start.lat), radians(end.lat)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(end.lon - start.lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half))


def nearest(to: Place, places: dict[str, Place], at_most_km: float = 1000.0) -> str | None:
    """Give the name of the nearest place, or null if none is within `at_most_km`."""
    found = min(places, key=lambda name: distance(to, places[name]), default=None)
    return found if found is not None and distance(to, places[found]) <= at_most_km else None
