"""Any table of option quotes to the same table with volatilities, Greeks and values.

For quotes that are in no lake: the columns may be those of table option_quotes or the least that a price
needs, under the names people give them. What a row needs and lacks is answered in ``iv_status``; what the
whole table lacks is refused. Pure; files are opened by ``adapters.files.quote_files``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.option_chains.chains import mid_price, with_model_columns
from alluse_assets.option_chains.pricing.american import american_value
from alluse_assets.option_chains.pricing.european import european_value
from alluse_assets.option_chains.time_to_expiry import years_left

# What a row must have, each as one of several sets of columns; the first set found is read.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "spot": (("underlying_price",), ("spot",)),
    "strike": (("strike",),),
    "right": (("right",),),
    "years": (("years_to_expiry",), ("years",), ("expiry", "quote_ts")),
    "price": (("price",), ("mid",), ("bid", "ask")),
}
NUMBERS = frozenset({name for sets in NEEDED.values() for names in sets for name in names}) - {
    "right",
    "expiry",
    "quote_ts",
} | {"rate_annual", "dividend_yield_annual"}
ANSWERS = (
    "iv_annual",
    "iv_status",
    "delta",
    "gamma",
    "theta_per_day",
    "vega_per_point",
    "rho_per_point",
    "value",
)
_STYLES = ("american", "european")
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class PricingTerms:
    """What holds for rows that do not say otherwise.

    ``model`` american or european, for all rows; None: column ``exercise_style``, american without one.
    ``rate`` and ``dividend_yield`` continuously compounded per year; columns ``rate_annual`` and
    ``dividend_yield_annual`` go before them.
    """

    model: str | None = None
    rate: float = 0.0
    dividend_yield: float = 0.0


def require_columns(columns: list[str], where: str) -> None:
    """Refuse a table from which nothing can be priced.

    Raises:
        DataError: naming everything that ``where`` lacks, and what would do.
    """
    lacking = [
        " or ".join(" with ".join(names) for names in sets)
        for sets in NEEDED.values()
        if _found(sets, columns) is None
    ]
    if lacking:
        raise DataError(
            f"{where}: missing columns: {'; '.join(lacking)}. Name the file's columns so; it has "
            f"{', '.join(columns) or 'none'}"
        )


def price_quotes(quotes: pl.DataFrame, terms: PricingTerms, threads: int = 1) -> pl.DataFrame:
    """The rows and columns of ``quotes``, in their order, and the columns ``ANSWERS``, replacing older ones.

    ``value`` is the model's in USD per share at ``iv_annual``, what the price is again where the model
    can say it; null where there is no volatility.

    Raises:
        DataError: a column is missing or not of a type that can be read; an unknown exercise style.
    """
    require_columns(quotes.columns, "quotes")
    frame = with_model_columns(_terms_of(quotes, terms), threads=threads)
    frame = frame.with_columns(value=pl.Series(_value(frame, threads)).round(_DECIMALS).fill_nan(None))
    return quotes.with_columns(frame.get_column(name) for name in ANSWERS)


def _terms_of(quotes: pl.DataFrame, terms: PricingTerms) -> pl.DataFrame:
    """What ``with_model_columns`` reads, under its names; a right that is none leaves no strike."""
    columns = quotes.columns

    def read(need: str) -> str:
        found = _found(NEEDED[need], columns)
        assert found
        return found[0]

    def given(name: str, default: float) -> pl.Expr:
        return _number(quotes, name) if name in columns else pl.lit(default)

    right = pl.col("right").cast(pl.String).str.strip_chars().str.to_uppercase().str.slice(0, 1)
    is_right = right.is_in(["C", "P"]).fill_null(value=False)
    if read("years") == "expiry":
        years = _dated(quotes).select(years_left()).to_series()
    else:
        years = quotes.select(_number(quotes, read("years"))).to_series()
    if read("price") == "bid":
        sides = quotes.select(_number(quotes, "bid").alias("bid"), _number(quotes, "ask").alias("ask"))
        price = sides.select(mid_price()).to_series()
    else:
        price = quotes.select(_number(quotes, read("price"))).to_series()
    frame = quotes.select(
        right=right,
        underlying_price=_number(quotes, read("spot")),
        strike=pl.when(is_right).then(_number(quotes, "strike")),
        rate_annual=given("rate_annual", terms.rate),
        dividend_yield_annual=given("dividend_yield_annual", terms.dividend_yield),
        exercise_style=_style(quotes, terms.model),
    )
    return frame.with_columns(years.alias("years_to_expiry"), price.alias("mid"))


def _found(sets: tuple[tuple[str, ...], ...], columns: list[str]) -> tuple[str, ...] | None:
    return next((names for names in sets if set(names) <= set(columns)), None)


def _number(quotes: pl.DataFrame, name: str) -> pl.Expr:
    if not (quotes.schema[name].is_numeric() or quotes.schema[name] == pl.Null):
        raise DataError(f"column {name}: {quotes.schema[name]}: numbers are needed; convert it")
    return pl.col(name).cast(pl.Float64)


def _dated(quotes: pl.DataFrame) -> pl.DataFrame:
    """``expiry`` as a date and ``quote_ts`` as an instant, from those types or ISO 8601 text."""
    expiry, instant = pl.col("expiry"), pl.col("quote_ts")
    if quotes.schema["expiry"] == pl.String:
        expiry = expiry.str.to_date("%Y-%m-%d", strict=False)
    elif not quotes.schema["expiry"].is_temporal():
        raise DataError(f"column expiry: {quotes.schema['expiry']}: dates are needed, 2026-01-16")
    kind = quotes.schema["quote_ts"]
    if kind == pl.String:
        instant = instant.str.to_datetime("%+", time_zone="UTC", strict=False)
    elif not (isinstance(kind, pl.Datetime) and kind.time_zone):
        raise DataError(f"column quote_ts: {kind}: instants with a time zone are needed")
    return quotes.select(expiry.cast(pl.Date), instant.dt.convert_time_zone("UTC"))


def _style(quotes: pl.DataFrame, model: str | None) -> pl.Expr:
    if model is not None:
        if model not in _STYLES:
            raise DataError(f"model: {model}: there are {' and '.join(_STYLES)}")
        return pl.lit(model)
    if "exercise_style" not in quotes.columns:
        return pl.lit("american")
    unknown = set(quotes["exercise_style"].cast(pl.String).unique().to_list()) - set(_STYLES)
    if unknown:
        shown = ", ".join(sorted(map(str, unknown))[:3])
        raise DataError(f"column exercise_style: {shown}: there are {' and '.join(_STYLES)}; or give a model")
    return pl.col("exercise_style").cast(pl.String)


def _value(frame: pl.DataFrame, threads: int) -> np.ndarray:
    value = np.full(frame.height, np.nan)
    for style, model in (("american", american_value), ("european", european_value)):
        rows = (frame["exercise_style"] == style).to_numpy()
        some = frame.filter(rows)
        value[rows] = model(
            spot=some["underlying_price"].to_numpy(),
            strike=some["strike"].to_numpy(),
            years=some["years_to_expiry"].to_numpy(),
            rate=some["rate_annual"].to_numpy(),
            dividend_yield=some["dividend_yield_annual"].to_numpy(),
            volatility=some["iv_annual"].to_numpy(),
            is_call=some["right"].eq_missing("C").to_numpy(),
            threads=threads,
        )
    return value
