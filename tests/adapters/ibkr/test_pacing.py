"""The limits are kept at any arrival of requests, and nobody waits longer than they make him."""

import asyncio
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.adapters.ibkr.pacing import Claim, Pace, Pacer, PacingLimits, Window, pacer_of

_TWO_A_SECOND = Window("two a second", 2, 1.0)
_FIVE_IN_TEN = Window("five in ten seconds", 5, 10.0)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.4, 1.5, 6.0]), st.sampled_from("ab")), max_size=60))
def test_no_window_ever_has_more_than_its_most_and_none_waits_without_need(
    arrivals: list[tuple[float, str]],
) -> None:
    pace, now = Pace(), 0.0
    sent: dict[Claim, list[float]] = defaultdict(list)
    for gap, key in arrivals:
        now += gap
        claims = [Claim(_TWO_A_SECOND, key), Claim(_FIVE_IN_TEN)]
        wait, reason = pace.wait_seconds(now, claims)
        assert (reason is None) == (wait == 0)
        if reason is not None:
            crowded = [c for c in claims if c.window == reason]
            assert any(
                sum(now + wait - 1e-6 - t < c.window.seconds for t in sent[c]) >= c.window.most
                for c in crowded
            )
        now += wait
        pace.record(now, claims)
        for claim in claims:
            sent[claim].append(now)
    for claim, times in sent.items():
        most = claim.window.most
        for first, beyond in zip(times, times[most:], strict=False):
            assert beyond - first >= claim.window.seconds - 1e-6


def test_the_sixty_first_request_of_bars_waits_for_the_rest_of_ten_minutes() -> None:
    pace, limits = Pace(), PacingLimits()
    for n in range(60):
        pace.record(float(n), [Claim(limits.bars)])
    assert pace.wait_seconds(60.0, [Claim(limits.bars)]) == (540.0, limits.bars)
    assert pace.wait_seconds(600.0, [Claim(limits.bars)]) == (0.0, None)


def test_an_identical_request_waits_and_another_one_does_not() -> None:
    pace, limits = Pace(), PacingLimits()
    pace.record(0.0, [Claim(limits.identical, "AAPL")])
    assert pace.wait_seconds(1.0, [Claim(limits.identical, "AAPL")]) == (14.0, limits.identical)
    assert pace.wait_seconds(1.0, [Claim(limits.identical, "MSFT")]) == (0.0, None)


def test_what_is_long_past_is_forgotten() -> None:
    pace, limits = Pace(), PacingLimits()
    for n in range(20_000):
        pace.record(float(n), [Claim(limits.identical, n)])
    assert len(pace._sent) < 5_000


def test_a_long_wait_is_told_of_once_with_its_reason() -> None:
    now = 0.0
    told: list[tuple[float, str]] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds / 2 + 0.001

    pacer = Pacer(lambda: now, sleep, lambda seconds, reason: told.append((seconds, reason)))

    async def twice() -> None:
        await pacer.admit([Claim(_FIVE_IN_TEN)] * 1)
        for _ in range(5):
            await pacer.admit([Claim(_FIVE_IN_TEN)])

    asyncio.run(twice())
    assert told == [(10.0, "5 five in ten seconds")]
    assert now >= 10.0


def test_all_sources_of_a_process_that_ask_one_gateway_share_its_limits() -> None:
    assert pacer_of("one:4002") is pacer_of("one:4002")
    assert pacer_of("one:4002") is not pacer_of("one:4001")
