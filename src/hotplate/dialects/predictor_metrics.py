"""What `__init__` gets as `metrics_client`: the author's own counts, which `/metrics` shows with the server's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotplate.dialects.base import Sink

RESERVED = ("cortex_", "istio_", "hotplate_")


class MetricsClient:
    """Takes values at any time, from any thread. One that cannot be delivered is lost without an error."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def increment(self, metric: str, value: float = 1, tags: Mapping[str, Any] | None = None) -> None:
        """Add to a counter. Raises ValueError for a name that the system itself uses."""
        self._send("counter", metric, value, tags)

    def gauge(self, metric: str, value: float, tags: Mapping[str, Any] | None = None) -> None:
        """Set a value that goes up and down. Raises ValueError for a name that the system itself uses."""
        self._send("gauge", metric, value, tags)

    def histogram(self, metric: str, value: float, tags: Mapping[str, Any] | None = None) -> None:
        """Note one value of a distribution. Raises ValueError for a name that the system itself uses."""
        self._send("histogram", metric, value, tags)

    def _send(self, kind: str, metric: str, value: float, tags: Mapping[str, Any] | None) -> None:
        metric = str(metric)
        if metric.startswith(RESERVED):
            raise ValueError(f"metric names may not start with {', '.join(RESERVED)} (got {metric})")
        self._sink(kind, metric, float(value), {str(name): str(each) for name, each in (tags or {}).items()})
