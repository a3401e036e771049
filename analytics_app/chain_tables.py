"""The tables of the page of chains: the report of the fit, and the strikes of an expiry."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from analytics_app.chain_figures import SIDE_COLUMNS, expiries_with_time, fit_rows, strike_ladder

_SIDE_TEXT = {
    "bid": "bid",
    "ask": "ask",
    "iv_annual": "IV",
    "delta": "delta",
    "volume": "volume",
    "open_interest": "open interest",
}
_FORMATS = {
    "bid": "%,.2f",
    "ask": "%,.2f",
    "iv_annual": "%.1f%%",
    "delta": "%.3f",
    "volume": "%,d",
    "open_interest": "%,d",
}


def show_fits(surface: pl.DataFrame) -> None:
    """How each expiry of ``surface`` was fitted, and how well."""
    st.subheader("Fit by expiry", anchor=False)
    fits = fit_rows(surface)
    st.dataframe(
        fits,
        hide_index=True,
        height="content",
        column_config={
            "expiry": st.column_config.DateColumn("Expiry", format="YYYY-MM-DD"),
            "dte_days": st.column_config.NumberColumn("Days", help="Calendar days from the session"),
            "fit_status": st.column_config.TextColumn("Fit", width=175),
            "points_used": st.column_config.NumberColumn("Quotes", format="%,d", help="Out of the money"),
            "rmse_points": _points("RMSE", "Distance of the curve from the quotes, root mean square"),
            "max_error_points": _points("Largest error", "Largest distance of the curve from a quote"),
            "inside_spread_share": st.column_config.NumberColumn(
                "Inside the spread",
                format="percent",
                help="Share of quotes with the curve between bid and ask",
            ),
            "butterfly_free": st.column_config.TextColumn("Butterfly-free", help="No butterfly is free"),
            "calendar_free": st.column_config.TextColumn(
                "Calendar-free", help="Total variance is nowhere above the next expiry's"
            ),
            "forward_price": st.column_config.NumberColumn("Forward, USD", format="%,.2f"),
        },
        placeholder="",
        alt=f"How {fits.height} expiries were fitted",
    )
    st.caption("Errors in points of volatility (0.01).")


def show_ladder(chain: pl.DataFrame) -> None:
    """Calls and puts of an expiry, which is chosen here, beside each other by strike."""
    st.subheader("The chain of an expiry", anchor=False)
    expiries = chain["expiry"].unique().sort().to_list()
    alive = expiries_with_time(chain)
    expiry = st.selectbox(
        "Expiry",
        [str(one) for one in expiries],
        index=expiries.index(alive[0]) if alive else 0,
        key="expiry",
        bind="query-params",
        width=200,
    )
    ladder = strike_ladder(chain, next(one for one in expiries if str(one) == expiry))
    strikes = ladder["strike"].n_unique()
    sides = {
        f"{side}_{name}": st.column_config.NumberColumn(
            f"{side.capitalize()} {_SIDE_TEXT[name]}", format=_FORMATS[name]
        )
        for side in ("call", "put")
        for name in SIDE_COLUMNS
    }
    st.dataframe(
        ladder.with_columns(pl.col("^.*_iv_annual$") * 100),
        hide_index=True,
        height=520 if ladder.height > 13 else "content",
        column_config={
            **sides,
            "strike": st.column_config.NumberColumn("Strike", format="%,.2f"),
            "root": st.column_config.TextColumn("Root"),
        },
        placeholder="",
        alt=f"Calls and puts of {expiry} by strike: {strikes} strikes",
    )
    absent = [_SIDE_TEXT[name] for name in SIDE_COLUMNS if f"call_{name}" not in ladder.columns]
    st.caption(
        f"Strikes: {strikes:,}; prices in USD per share."
        + (f" The source gives no {' and no '.join(absent)}." if absent else "")
    )


def _points(label: str, help: str) -> Any:
    return st.column_config.NumberColumn(f"{label}, points", format="%.2f", help=help)
