"""The 30-day volatility index of a chain by the Cboe's VIX method.

A model-free variance for the expiry before and the expiry after 30 days, from all out-of-the-money
quotes, interpolated to 30 days. Only the last expiry listed in each calendar week counts (the Friday's,
or the Thursday's before a holiday). Where the index comes from and what it steers belong elsewhere.
Source: Cboe, VIX White Paper (2019) and Cboe Volatility Index Methodology.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.base.instruments import root_in

TARGET_YEARS = 30.0 / 365.0
_DECIMALS = 6
_COLUMNS = (
    "quote_ts",
    "session",
    "underlying",
    "contract_symbol",
    "expiry",
    "right",
    "strike",
    "bid",
    "ask",
    "dte_days",
    "years_to_expiry",
    "rate_annual",
)
SCHEMA = pl.Schema(
    [
        ("quote_ts", pl.Datetime("us", "UTC")),
        ("session", pl.Date()),
        ("underlying", pl.String()),
        ("vix", pl.Float64()),
        ("status", pl.String()),
    ]
)


@dataclass(frozen=True, slots=True)
class StrikeQuote:
    """The call and the put of one strike, USD per share."""

    strike: float
    call_bid: float
    call_ask: float
    put_bid: float
    put_ask: float

    @property
    def call_mid(self) -> float:
        """Mid of the call, also when nobody bids."""
        return (self.call_bid + self.call_ask) / 2

    @property
    def put_mid(self) -> float:
        """Mid of the put, also when nobody bids."""
        return (self.put_bid + self.put_ask) / 2


def volatility_index(
    chains: pl.DataFrame,
    root: str | None = None,
    time_basis: Literal["minutes", "days"] = "minutes",
) -> pl.DataFrame:
    """The index of every underlying at every instant in ``chains``, in points (20.0 is 20% a year).

    Args:
        chains: rows of table option_chains (quotes, rates and times are used, not implied volatility).
        root: only contracts of this root; SPXW leaves out SPX, which stops trading a day earlier.
        time_basis: time to expiry to the second, as the Cboe has it, or in whole calendar days.

    Returns:
        Columns of ``SCHEMA``, sorted by instant and underlying; ``vix`` is null unless ``status`` is ok
        (else no_near_expiry, no_next_expiry or too_few_strikes), rounded to 6 decimals.

    Raises:
        DataError: a column is missing, or two contracts share expiry, right and strike.
    """
    missing = [name for name in _COLUMNS if name not in chains.columns]
    if missing:
        raise DataError(f"volatility index: the chain lacks {', '.join(missing)}; pass rows of option_chains")
    years = pl.col("years_to_expiry") if time_basis == "minutes" else pl.col("dte_days") / 365.0
    frame = chains.select(*_COLUMNS[:-3], years=years, rate="rate_annual").filter(pl.col("years") > 0)
    if root is not None:
        frame = frame.filter(root_in(pl.col("contract_symbol")) == root)
    week = ["quote_ts", "underlying", pl.col("expiry").dt.truncate("1w")]
    frame = frame.filter(pl.col("expiry") == pl.col("expiry").max().over(week))
    keys = chains.select("quote_ts", "session", "underlying").unique().sort("quote_ts", "underlying")
    parts = frame.partition_by("quote_ts", "underlying", as_dict=True)
    rows = []
    for quote_ts, session, underlying in keys.iter_rows():
        vix, status = _index(parts.get((quote_ts, underlying), frame.clear()))
        rows.append((quote_ts, session, underlying, vix, status))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _index(chain: pl.DataFrame) -> tuple[float | None, str]:
    """Index points and status of one underlying's chain at one instant."""
    terms = sorted(set(chain["years"]))
    near = [t for t in terms if t <= TARGET_YEARS]
    following = [t for t in terms if t > TARGET_YEARS]
    if not near:
        return None, "no_near_expiry"
    if not following:
        return None, "no_next_expiry"
    first, second = near[-1], following[0]
    variances = []
    for term in (first, second):
        expiry = chain.filter(pl.col("years") == term)
        variance = expiry_variance(_strike_quotes(expiry), term, expiry["rate"][0])
        if variance is None:
            return None, "too_few_strikes"
        variances.append(variance)
    weight = (second - TARGET_YEARS) / (second - first)
    total = first * variances[0] * weight + second * variances[1] * (1.0 - weight)
    if total <= 0.0:
        return None, "too_few_strikes"
    return round(100.0 * math.sqrt(total / TARGET_YEARS), _DECIMALS), "ok"


def _strike_quotes(expiry: pl.DataFrame) -> list[StrikeQuote]:
    """The strikes of one expiry that have both a call and a put, in order."""
    calls = expiry.filter(pl.col("right") == "C").select("strike", "bid", "ask")
    puts = expiry.filter(pl.col("right") == "P").select("strike", "bid", "ask")
    for side in (calls, puts):
        if side["strike"].n_unique() < side.height:
            raise DataError(
                f"volatility index: {expiry['underlying'][0]} {expiry['expiry'][0]} has two contracts of one "
                "strike; say which root to use (SPX and SPXW expire on the same Fridays)"
            )
    both = calls.join(puts, on="strike", suffix="_put").sort("strike")
    return [StrikeQuote(*row) for row in both.iter_rows()]


def expiry_variance(strikes: list[StrikeQuote], years: float, rate: float) -> float | None:
    """The model-free variance per year of one expiry; None when there are not two strikes to sum over.

    Args:
        strikes: in ascending order.
        years: time to expiry.
        rate: continuously compounded per year.
    """
    quoted = [q for q in strikes if q.call_bid > 0 and q.put_bid > 0]
    if not quoted:
        return None
    # Rounded, so that a tie between two strikes goes to the lower one on every processor.
    centre = min(quoted, key=lambda q: (round(abs(q.call_mid - q.put_mid), 6), q.strike))
    forward = centre.strike + math.exp(rate * years) * (centre.call_mid - centre.put_mid)
    below = [i for i, q in enumerate(strikes) if q.strike <= forward]
    if not below:
        return None
    at = below[-1]
    first = strikes[at]
    wing_puts = _wing([(q.strike, q.put_bid, q.put_mid) for q in reversed(strikes[:at])])
    wing_calls = _wing([(q.strike, q.call_bid, q.call_mid) for q in strikes[at + 1 :]])
    middle = (first.strike, (first.call_mid + first.put_mid) / 2)
    used = [*reversed(wing_puts), middle, *wing_calls]
    if len(used) < 2:
        return None
    last = len(used) - 1
    terms = []
    for i, (strike, mid) in enumerate(used):
        left, right = max(i - 1, 0), min(i + 1, last)
        width = (used[right][0] - used[left][0]) / (right - left)
        terms.append(width / strike**2 * mid)
    # An exact sum: its result does not depend on how a processor adds.
    total = math.fsum(terms)
    return 2 / years * math.exp(rate * years) * total - (forward / first.strike - 1) ** 2 / years


def _wing(quotes: list[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """Strikes and mids outward from the centre: without a bid left out, after two such in a row no more."""
    taken = []
    without_bid = 0
    for strike, bid, mid in quotes:
        if bid > 0:
            taken.append((strike, mid))
            without_bid = 0
        else:
            without_bid += 1
            if without_bid == 2:
                break
    return taken
