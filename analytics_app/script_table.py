"""The table of an action script: the exact orders, ready to be looked at."""

from __future__ import annotations

import polars as pl
import streamlit as st

from analytics_app.protocol_words import ROLL_TEXT, contract_text, script_orders, words


def show_script(script: str) -> None:
    """The orders of ``script``, which is JSON and has at least one."""
    orders = script_orders(script)
    rows = [
        {
            "For": order.get("for", ""),
            "Action": order["action"],
            "Contract": contract_text(order["instrument"]),
            "OCC symbol": order["instrument"],
            "Contracts": order["quantity"],
            "Limit, USD per share": order["limit_price"] or ("" if "why_not" in order else "to be quoted"),
            "No target because": words([order["why_not"]], ROLL_TEXT) if "why_not" in order else "",
        }
        for order in orders
    ]
    table = pl.DataFrame(rows)
    if not any(table["No target because"]):
        table = table.drop("No target because")
    if not any(table["For"]):
        table = table.drop("For")
    alt = f"Action script: {len(orders)} orders"
    st.dataframe(table, hide_index=True, height="content", width="content", alt=alt)
