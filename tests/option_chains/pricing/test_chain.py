import numpy as np
import polars as pl

from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.chain import implied_volatility_and_greeks
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.greeks import greeks
from alluse_assets.option_chains.pricing.implied_volatility import implied_volatility
from alluse_assets.option_chains.pricing.rows import floats
from tests.option_chains.pricing.oracles import columns, random_cases

GREEKS = ("delta", "gamma", "theta_per_day", "vega_per_point", "rho_per_point")


def quotes(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Prices and options of both styles, some without a volatility; and which are American."""
    *market, vol, is_call = columns(random_cases(count, seed=31))
    is_american = np.arange(count) % 3 == 0
    american = american_value(*market, vol, is_call)
    price = np.where(is_american, american, european_value(*market, vol, is_call))
    price[::7], price[1::11] = np.nan, 0.0
    return [price, *market, is_call], is_american


def test_one_pass_gives_what_the_two_calls_give_from_the_rounded_volatility() -> None:
    rows, is_american = quotes(3_000)
    apart = implied_volatility(*rows, is_american)
    rounded = np.round(apart.volatility, 6)
    slopes = greeks(*rows[1:6], rounded, rows[6], is_american)
    implied, sensitivities = implied_volatility_and_greeks(*rows, is_american, decimals=6)
    assert set(np.unique(implied.status)) >= {0, 1}
    assert implied.volatility.tobytes() == rounded.tobytes()
    assert implied.status.tobytes() == apart.status.tobytes()
    for name in GREEKS:
        np.testing.assert_array_equal(getattr(sensitivities, name), getattr(slopes, name))


def test_neighbours_of_another_style_and_threads_change_no_bit() -> None:
    rows, is_american = quotes(9_000)
    implied, sensitivities = implied_volatility_and_greeks(*rows, is_american)
    both, _ = implied_volatility_and_greeks(*rows, is_american, threads=2)
    assert both.volatility.tobytes() == implied.volatility.tobytes()
    for chosen in (is_american, ~is_american):
        alone, slopes = implied_volatility_and_greeks(
            *(column[chosen] for column in rows), is_american[chosen]
        )
        assert alone.volatility.tobytes() == implied.volatility[chosen].tobytes()
        assert slopes.gamma.tobytes() == sensitivities.gamma[chosen].tobytes()


def test_no_volatility_means_no_greeks() -> None:
    implied, sensitivities = implied_volatility_and_greeks(
        [np.nan, 0.0, 5.0], 100, 100, [0.1, 0.1, 0.0], 0.02, 0.0, True, [True, False, False]
    )
    assert (implied.status != 0).all()
    assert all(np.isnan(getattr(sensitivities, name)).all() for name in GREEKS)


def test_columns_of_a_frame_are_read_where_they_are_and_never_written_to() -> None:
    column = pl.Series([1.0, 2.0, 3.0]).to_numpy()
    assert np.shares_memory(floats(column, (3,)), column)
    assert not floats(column, (3,)).flags.writeable
    own = np.array([1.0, 2.0, 3.0])
    assert not floats(own, (3,)).flags.writeable
    assert own.flags.writeable
