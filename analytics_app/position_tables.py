"""The tables of holdings and trades on a page: what is shown, its filters, its download, its empty cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics_app.book_figures import ENDING_TEXT, positions_at, trades_touching

FILTER_KEYS = ("account", "ticker", "ended")
"""Names of the filters in the URL and in the session."""


def show_positions(positions: pl.DataFrame, session: date, accounts: Sequence[str]) -> None:
    """What was held at the close of ``session``; ``accounts`` in their order."""
    st.subheader(f"Positions at the close of {session}", anchor=False)
    held = positions_at(positions, session, accounts)
    if held.is_empty():
        st.info("Nothing was held at this close: all of it was cash. Choose another last day above.")
        return
    gain = held["unrealised_gain"].sum()
    st.dataframe(
        held.select(
            "account",
            "symbol",
            "holding",
            "quantity",
            "expiry",
            "dte_days",
            pl.col("cost", "market_value", "unrealised_gain").cast(pl.Float64),
            "mark",
            "mark_basis",
        ),
        hide_index=True,
        height="content",
        column_config={
            "account": "Account",
            "symbol": "Ticker",
            "holding": "Holding",
            "quantity": st.column_config.NumberColumn(
                "Quantity", format="%,d", help="Shares or contracts, negative when short"
            ),
            "expiry": st.column_config.DateColumn("Expiry", format="YYYY-MM-DD"),
            "dte_days": st.column_config.NumberColumn("Days to expiry", help="Calendar days"),
            "cost": _usd("Cost", "Of a short option the premium received, negative"),
            "market_value": _usd("Market value"),
            "unrealised_gain": _usd("Unrealised gain", "Market value less cost"),
            "mark": st.column_config.NumberColumn("Mark", format="%,.2f", help="USD per share"),
            "mark_basis": st.column_config.TextColumn(
                "Mark from", help="close, quote, surface, model or intrinsic value"
            ),
        },
        placeholder="",
        alt=f"Positions at the close of {session}: {held.height}",
    )
    st.caption(f"Positions: {held.height}; unrealised gain in all {gain:+,.2f} USD.")


def show_trades(trades: pl.DataFrame, start: date, end: date, accounts: Sequence[str]) -> None:
    """Option trades sold or ended from ``start`` to ``end``, with filters that are in the URL."""
    st.subheader("Option trades", anchor=False)
    if trades_touching(trades, start, end).is_empty():
        st.info("No option was sold or ended in these days. Choose more days above.")
        return
    chosen = st.container(horizontal=True)
    account_key, ticker_key, ended_key = FILTER_KEYS
    # The choices are those of all days: what is chosen stays one of them whichever days are shown.
    symbols = trades["symbol"].unique().sort().to_list()
    kept = trades_touching(
        trades,
        start,
        end,
        _filter(chosen, "Account", accounts, account_key),
        _filter(chosen, "Ticker", symbols, ticker_key),
        _filter(chosen, "How it ended", list(ENDING_TEXT), ended_key, ENDING_TEXT),
    )
    if kept.is_empty():
        st.info("No trade fits these filters. Remove one of them.")
        return
    st.dataframe(
        kept.select(
            "session",
            "closed",
            "account",
            "symbol",
            pl.col("right").replace({"P": "put", "C": "call"}),
            "strike",
            "expiry",
            "contracts",
            pl.col("how_ended").replace(ENDING_TEXT),
            pl.col("credit", "debit", "fees", "gain").cast(pl.Float64),
        ),
        hide_index=True,
        height=420 if kept.height > 11 else "content",
        column_config={
            "session": st.column_config.DateColumn("Sold", format="YYYY-MM-DD"),
            "closed": st.column_config.DateColumn("Ended", format="YYYY-MM-DD"),
            "account": "Account",
            "symbol": "Ticker",
            "right": "Right",
            "strike": st.column_config.NumberColumn("Strike", format="%,.2f", help="USD per share"),
            "expiry": st.column_config.DateColumn("Expiry", format="YYYY-MM-DD"),
            "contracts": "Contracts",
            "how_ended": "How it ended",
            "credit": _usd("Premium", "Received when it was sold"),
            "debit": _usd("Paid back", "Buy-back or settlement; of an assignment the intrinsic value"),
            "fees": _usd("Fees"),
            "gain": _usd("Gain", "Premium less what was paid back and fees; empty while open"),
        },
        placeholder="",
        alt=f"Option trades, newest first: {kept.height}",
    )
    gain = kept["gain"].drop_nulls().sum()
    foot = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    foot.caption(f"Trades: {kept.height:,}; gain of those that ended {gain:+,.2f} USD.", width="content")
    foot.download_button(
        "Download as CSV",
        kept.write_csv(),
        file_name=f"option_trades_{start}_{end}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _filter(
    bar: DeltaGenerator, label: str, options: Sequence[str], key: str, words: Mapping[str, str] | None = None
) -> list[str]:
    """What was chosen of ``options``; nothing means all of them."""
    return bar.multiselect(
        label,
        options,
        format_func=lambda option: words[option] if words else option,
        key=key,
        bind="query-params",
        placeholder="all",
        width=280,
    )


def _usd(label: str, help: str | None = None) -> Any:
    return st.column_config.NumberColumn(f"{label}, USD", format="%,.2f", help=help)
