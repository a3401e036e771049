"""``python -m alluse_assets.option_chains.pricing``: compile the pricing code once, after an install.

Numba compiles on first use, which takes half a minute; done here, no run has to wait for it.
"""

import numpy as np

from alluse_assets.option_chains.pricing.american import american_value, american_value_with_dividends
from alluse_assets.option_chains.pricing.chain import implied_volatility_and_greeks
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.pricing.greeks import greeks, greeks_with_dividends
from alluse_assets.option_chains.pricing.implied_volatility import (
    implied_volatility,
    implied_volatility_with_dividends,
)

STRIKES = np.array([90.0, 110.0])
IS_CALL = np.array([False, True])

european_value(100.0, STRIKES, 0.5, 0.03, 0.01, 0.3, IS_CALL)
value = american_value(100.0, STRIKES, 0.5, 0.03, 0.01, 0.3, IS_CALL)
DIVIDENDS = ([0, 1, 1], [0.2], [1.0])
with_dividends = american_value_with_dividends(100.0, STRIKES, 0.5, 0.03, 0.0, 0.3, IS_CALL, *DIVIDENDS)
implied_volatility_with_dividends(with_dividends, 100.0, STRIKES, 0.5, 0.03, 0.0, IS_CALL, *DIVIDENDS)
greeks_with_dividends(100.0, STRIKES, 0.5, 0.03, 0.0, 0.3, IS_CALL, *DIVIDENDS)
implied_volatility(value, 100.0, STRIKES, 0.5, 0.03, 0.01, IS_CALL, True)
greeks(100.0, STRIKES, 0.5, 0.03, 0.01, 0.3, IS_CALL, True)
implied_volatility_and_greeks(value, 100.0, STRIKES, 0.5, 0.03, 0.01, IS_CALL, True)
