import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.adapters.sample_market.spread_model import INDEX_SPREADS, SHARE_SPREADS, bid_and_ask

MODELS = st.sampled_from([SHARE_SPREADS, INDEX_SPREADS])


@given(
    model=MODELS,
    value=st.floats(0, 600),
    time_value_share=st.floats(0, 1),
    deviation=st.floats(-6, 6),
    years=st.floats(0.001, 3),
)
def test_every_value_has_a_bid_below_an_ask_around_it_on_ticks(
    model, value, time_value_share, deviation, years
):
    value = round(value, 6)
    intrinsic = round(value * (1 - time_value_share), 4)
    intrinsic = min(intrinsic, value)
    args = (np.array([x]) for x in (value, intrinsic, deviation, years))
    (bid,), (ask,) = bid_and_ask(model, *args)
    assert 0 <= bid < ask
    assert bid <= value <= ask
    assert (bid + ask) / 2 >= intrinsic - 1e-9
    for price in (bid, ask):
        tick = model.tick_low if price < 3 else model.tick_high
        assert abs(price / tick - round(price / tick)) < 1e-6


def test_what_is_worth_nothing_has_no_bid():
    (bid,), (ask,) = bid_and_ask(SHARE_SPREADS, *(np.array([x]) for x in (0.0, 0.0, 3.0, 0.01)))
    assert (bid, ask > 0) == (0, True)
