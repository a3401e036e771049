from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.adapters.alpaca.call_limiter import CallLimiter


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(calls=st.integers(1, 8), pauses=st.lists(st.floats(0, 40), max_size=40))
def test_no_stretch_of_a_minute_has_more_calls_than_allowed(calls: int, pauses: list[float]) -> None:
    clock = Clock()
    limiter = CallLimiter(calls, 60.0, clock.monotonic, clock.sleep)
    starts = []
    for pause in pauses:
        clock.sleep(pause)
        limiter.wait()
        starts.append(clock.now)
    for first, last in zip(starts, starts[calls:], strict=False):
        assert last - first >= 60.0 - 1e-9


def test_calls_within_the_limit_do_not_wait() -> None:
    clock = Clock()
    limiter = CallLimiter(3, 60.0, clock.monotonic, clock.sleep)
    assert [limiter.wait() for _ in range(4)] == [0, 0, 0, 60]
