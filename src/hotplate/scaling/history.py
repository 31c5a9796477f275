"""What the policies look at: calls in flight over time, and what was wanted before. Times are seconds of any one clock.

It is bounded whatever the settings: a window is kept in a fixed number of buckets, and of past wishes only those
that can still be the highest or the lowest of a period.
"""

from __future__ import annotations

from collections import deque

import msgspec

RECENT_S = 1.0
"""The short window, which shows that more is wanted."""
BUCKETS = 600


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A history to be kept over a restart, and the size that went with it. Times are ages in seconds."""

    size: int
    age_s: float = 0.0
    window: tuple[tuple[float, int, int], ...] = ()  # age, sum, count
    recent: tuple[tuple[float, int, int], ...] = ()
    highs: tuple[tuple[float, int], ...] = ()
    lows: tuple[tuple[float, int], ...] = ()
    idle_s: float | None = None
    asked_s: float | None = None


class Window:
    """A mean over the last `length_s` seconds."""

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self._width_s = length_s / BUCKETS
        self._buckets: deque[list[float]] = deque()  # begin, sum, count
        self._sum = 0.0
        self._count = 0.0

    def add(self, now: float, value: int) -> None:
        """Take one sample."""
        last = self._buckets[-1] if self._buckets else None
        if last is not None and now - last[0] < self._width_s:
            last[1] += value
            last[2] += 1
        else:
            self._buckets.append([now, value, 1])
        self._sum += value
        self._count += 1
        self.forget(now)

    def forget(self, now: float) -> None:
        """Drop what is too old."""
        while self._buckets and self._buckets[0][0] <= now - self.length_s:
            _, total, count = self._buckets.popleft()
            self._sum -= total
            self._count -= count

    @property
    def mean(self) -> float | None:
        """The mean; None without samples."""
        return self._sum / self._count if self._count else None

    def of_length(self, length_s: float) -> Window:
        """The same samples under another length."""
        other = Window(length_s)
        other.restore(0.0, self.saved(0.0), trim=False)
        return other

    def saved(self, now: float) -> tuple[tuple[float, int, int], ...]:
        """Its buckets, with their ages."""
        return tuple((now - begun, int(total), int(count)) for begun, total, count in self._buckets)

    def restore(self, now: float, saved: tuple[tuple[float, int, int], ...], *, trim: bool = True) -> None:
        """Take buckets over."""
        self._buckets = deque([now - age, total, count] for age, total, count in saved)
        self._sum = sum(bucket[1] for bucket in self._buckets)
        self._count = sum(bucket[2] for bucket in self._buckets)
        if trim:
            self.forget(now)


class Extremes:
    """The highest (`sign` 1) or lowest (-1) of past values over any period up to the one that is kept."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._values: deque[tuple[float, int]] = deque()

    def add(self, now: float, value: int, keep_s: float) -> None:
        """Take a value: those before it that it surpasses can never count again."""
        values, sign = self._values, self._sign
        while values and values[-1][1] * sign <= value * sign:
            values.pop()
        values.append((now, value))
        while values and values[0][0] < now - keep_s:
            values.popleft()

    def since(self, then: float) -> int | None:
        """The extreme of the values from then on."""
        for at, value in self._values:
            if at >= then:
                return value
        return None

    def saved(self, now: float) -> tuple[tuple[float, int], ...]:
        """Its values, with their ages."""
        return tuple((now - at, value) for at, value in self._values)

    def restore(self, now: float, saved: tuple[tuple[float, int], ...]) -> None:
        """Take values over."""
        self._values = deque((now - age, value) for age, value in saved)


class History:
    """What was seen of an endpoint since `begun`. `in_flight` is the last sample: calls that run or wait."""

    def __init__(self, now: float, window_s: float) -> None:
        self.begun = now
        self.in_flight = 0
        self.idle_since: float | None = now
        self.asked: float | None = None  # when a policy last looked
        self.recent = Window(min(RECENT_S, window_s))
        self.window = Window(window_s)
        self.highs = Extremes(1)
        self.lows = Extremes(-1)

    def sample(self, now: float, in_flight: int) -> None:
        """Take how many calls are in flight now."""
        self.in_flight = in_flight
        if in_flight:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = now
        self.recent.add(now, in_flight)
        self.window.add(now, in_flight)

    def note(self, now: float, wanted: int, keep_s: float) -> None:
        """Remember what a policy wanted, for the periods in which it may not change its mind."""
        self.highs.add(now, wanted, keep_s)
        self.lows.add(now, wanted, keep_s)

    def use_window(self, window_s: float) -> None:
        """Look at another window from now on; what was seen stays, as far as the window reaches."""
        if window_s != self.window.length_s:
            self.recent = self.recent.of_length(min(RECENT_S, window_s))
            self.window = self.window.of_length(window_s)

    def save(self, now: float, size: int) -> Saved:
        """Everything, to be kept over a restart."""
        return Saved(
            size=size,
            age_s=now - self.begun,
            window=self.window.saved(now),
            recent=self.recent.saved(now),
            highs=self.highs.saved(now),
            lows=self.lows.saved(now),
            idle_s=None if self.idle_since is None else now - self.idle_since,
            asked_s=None if self.asked is None else now - self.asked,
        )

    def restore(self, now: float, saved: Saved) -> None:
        """Go on where another process stopped, as if no time had passed since."""
        self.begun = now - saved.age_s
        self.idle_since = None if saved.idle_s is None else now - saved.idle_s
        self.asked = None if saved.asked_s is None else now - saved.asked_s
        self.window.restore(now, saved.window)
        self.recent.restore(now, saved.recent)
        self.highs.restore(now, saved.highs)
        self.lows.restore(now, saved.lows)
