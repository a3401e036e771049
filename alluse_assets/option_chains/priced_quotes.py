"""Any table of option quotes to the same table with volatilities, Greeks and values.

For quotes that are in no lake: the columns may be those of table option_quotes or the least that a price
needs, under the names people give them. What a row needs and lacks is answered in ``iv_status``; what the
whole table lacks, or has in no row in a form that can be read, is refused. Pure; files are opened by
``adapters.files.quote_files``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

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
USED = ("exercise_style", "rate_annual", "dividend_yield_annual")
"""What each row was priced with, as far as the table does not say it itself."""
RATE_BOUNDS = (-0.05, 0.5)
YIELD_BOUNDS = (-1.0, 1.0)
"""Per year; what lies beyond is a mistake of units (4.5 for 4.5 %) and no rate."""
_RIGHTS = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}
_STYLES = ("american", "european")
_DECIMALS = 6
_FORMS = {
    "right": "C, P, call or put",
    "expiry": "a date as 2026-01-16",
    "quote_ts": "an instant with its time zone, as 2026-01-16T15:45:00-05:00 or ...T20:45:00Z",
    "rate_annual": f"a share per year from {RATE_BOUNDS[0]:g} to {RATE_BOUNDS[1]:g}, as 0.045 for 4.5 %",
    "dividend_yield_annual": f"a share per year from {YIELD_BOUNDS[0]:g} to {YIELD_BOUNDS[1]:g}",
}


@dataclass(frozen=True, slots=True)
class PricingTerms:
    """What holds for rows that do not say otherwise.

    ``model`` american or european, for all rows; None: column ``exercise_style``, american without one.
    ``rate`` and ``dividend_yield`` continuously compounded per year; columns ``rate_annual`` and
    ``dividend_yield_annual`` go before them.

    Raises:
        DataError: there is no such model, or a rate or yield beyond its bounds.
    """

    model: str | None = None
    rate: float = 0.0
    dividend_yield: float = 0.0

    def __post_init__(self) -> None:
        if self.model is not None and self.model not in _STYLES:
            raise DataError(f"model: {self.model}: there are {' and '.join(_STYLES)}")
        bounds = {"rate": RATE_BOUNDS, "dividend_yield": YIELD_BOUNDS}
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            # Not value < low or value > high: NaN is neither.
            if not low <= value <= high:
                raise DataError(
                    f"{name}: {value:g}: a share per year from {low:g} to {high:g} (0.045 is 4.5 %)"
                )


@dataclass(frozen=True, slots=True)
class Readable:
    """How many values columns have, and how many of them can be read, over any number of tables."""

    given: Counter[str] = field(default_factory=Counter)
    usable: Counter[str] = field(default_factory=Counter)

    def add(self, other: Readable) -> None:
        """Count another table's rows too."""
        self.given.update(other.given)
        self.usable.update(other.usable)

    def require(self, where: str) -> None:
        """Refuse what has values in a column and none that can be read: it is meant in another form.

        Raises:
            DataError: naming each such column and the form that it needs.
        """
        unread = [
            f"column {name}: none of {given:,} values is {_FORMS[name]}"
            for name, given in self.given.items()
            if given and not self.usable[name]
        ]
        if unread:
            raise DataError(f"{where}: {'; '.join(unread)}")


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
    """A whole table: ``price_rows``, and refused where a column cannot be read in any row.

    Raises:
        DataError: a column is missing or cannot be read; an unknown exercise style.
    """
    priced, readable = price_rows(quotes, terms, threads)
    readable.require("quotes")
    return priced


def price_rows(quotes: pl.DataFrame, terms: PricingTerms, threads: int = 1) -> tuple[pl.DataFrame, Readable]:
    """``quotes`` in their order with ``USED`` and ``ANSWERS``, and which of their values could be read.

    Columns named as ``ANSWERS`` are replaced, those of ``USED`` only where the terms go before them.
    ``value`` is the model's in USD per share at ``iv_annual``, what the price is again where the model
    can say it; null where there is no volatility.

    Raises:
        DataError: a column is missing or not of a type that can be read; an unknown exercise style.
    """
    require_columns(quotes.columns, "quotes")
    known, readable = _terms_of(quotes, terms)
    frame = with_model_columns(known, threads=threads)
    frame = frame.with_columns(value=pl.Series(_value(frame, threads)).round(_DECIMALS).fill_nan(None))
    kept = set(quotes.columns) - ({"exercise_style"} if terms.model else set())
    added = [name for name in USED if name not in kept]
    return quotes.with_columns(frame.get_column(name) for name in (*added, *ANSWERS)), readable


def _terms_of(quotes: pl.DataFrame, terms: PricingTerms) -> tuple[pl.DataFrame, Readable]:
    """What ``with_model_columns`` reads, under its names; a right that is none leaves no strike."""
    columns, readable = quotes.columns, Readable()

    def read(need: str) -> str:
        found = _found(NEEDED[need], columns)
        assert found
        return found[0]

    def told(name: str, values: pl.Series) -> pl.Series:
        readable.given[name] += quotes[name].count()
        readable.usable[name] += values.count()
        return values

    def given(name: str, default: float, bounds: tuple[float, float]) -> pl.Series | pl.Expr:
        if name not in columns:
            return pl.lit(default)
        number = _number(quotes, name)
        return told(name, quotes.select(pl.when(number.is_between(*bounds)).then(number)).to_series())

    right = _text(quotes, "right").str.strip_chars().str.to_uppercase()
    rights = told("right", quotes.select(right.replace_strict(_RIGHTS, default=None)).to_series())
    if read("years") == "expiry":
        dated = _dated(quotes)
        for name in dated.columns:
            told(name, dated[name])
        years = dated.select(years_left()).to_series()
    else:
        years = quotes.select(_number(quotes, read("years"))).to_series()
    if read("price") == "bid":
        sides = quotes.select(_number(quotes, "bid").alias("bid"), _number(quotes, "ask").alias("ask"))
        price = sides.select(mid_price()).to_series()
    else:
        price = quotes.select(_number(quotes, read("price"))).to_series()
    frame = quotes.select(
        right=rights,
        underlying_price=_number(quotes, read("spot")),
        strike=pl.when(rights.is_not_null()).then(_number(quotes, "strike")),
        rate_annual=given("rate_annual", terms.rate, RATE_BOUNDS),
        dividend_yield_annual=given("dividend_yield_annual", terms.dividend_yield, YIELD_BOUNDS),
        exercise_style=_style(quotes, terms.model),
    )
    return frame.with_columns(years.alias("years_to_expiry"), price.alias("mid")), readable


def _found(sets: tuple[tuple[str, ...], ...], columns: list[str]) -> tuple[str, ...] | None:
    return next((names for names in sets if set(names) <= set(columns)), None)


def _number(quotes: pl.DataFrame, name: str) -> pl.Expr:
    if not (quotes.schema[name].is_numeric() or quotes.schema[name] == pl.Null):
        raise DataError(f"column {name}: {quotes.schema[name]}: numbers are needed; convert it")
    return pl.col(name).cast(pl.Float64)


def _text(quotes: pl.DataFrame, name: str) -> pl.Expr:
    kind = quotes.schema[name]
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        raise DataError(f"column {name}: {kind}: text is needed; convert it")
    return pl.col(name).cast(pl.String)


def _dated(quotes: pl.DataFrame) -> pl.DataFrame:
    """``expiry`` as a date and ``quote_ts`` as an instant, from those types or ISO 8601 text."""
    expiry, instant = pl.col("expiry"), pl.col("quote_ts")
    if quotes.schema["expiry"] == pl.String:
        expiry = expiry.str.to_date("%Y-%m-%d", strict=False)
    elif not isinstance(quotes.schema["expiry"], pl.Date | pl.Datetime):
        raise DataError(f"column expiry: {quotes.schema['expiry']}: dates are needed, 2026-01-16")
    kind = quotes.schema["quote_ts"]
    if kind == pl.String:
        instant = instant.str.to_datetime("%+", time_zone="UTC", strict=False)
    elif not (isinstance(kind, pl.Datetime) and kind.time_zone):
        raise DataError(f"column quote_ts: {kind}: instants with a time zone are needed")
    return quotes.select(expiry.cast(pl.Date), instant.dt.convert_time_zone("UTC"))


def _style(quotes: pl.DataFrame, model: str | None) -> pl.Expr:
    if model is not None:
        return pl.lit(model)
    if "exercise_style" not in quotes.columns:
        return pl.lit("american")
    unknown = set(quotes.select(_text(quotes, "exercise_style").unique()).to_series()) - set(_STYLES)
    if unknown:
        shown = ", ".join(sorted(map(str, unknown))[:3])
        raise DataError(f"column exercise_style: {shown}: there are {' and '.join(_STYLES)}; or give a model")
    return _text(quotes, "exercise_style")


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
