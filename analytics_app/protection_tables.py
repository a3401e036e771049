"""The tables of the page on protection: what is shown, its choices, its empty cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from alluse_assets.protection.levels import LEVEL_NAMES
from analytics_app.protection_figures import (
    AccountShown,
    level_changes_until,
    positions_with_levels,
    rolls_until,
    stops_until,
)
from analytics_app.protocol_words import (
    as_it_stands,
    clock_text,
    level_text,
    name_of,
    script_orders,
)
from analytics_app.script_table import show_script

_STATE_COLOUR = {
    "ACTIVE": "green",
    "PAUSED": "orange",
    "SAFE": "orange",
    "CLOSE_ONLY": "red",
    "HALTED": "red",
}
ROLL_CHOICES = {"all": "All", "made": "Made", "not made": "Due and not made"}
LEVELS = ["1", "2", "3"]


def show_accounts(found: Sequence[AccountShown]) -> None:
    """A card an account: its state, what holds it and who may end that, what else limits it."""
    grid = st.grid(3, min_column_width=280)
    for one in found:
        with grid.cell(), st.container(border=True, height="stretch"):
            colour = _STATE_COLOUR.get(one.state, "gray")
            st.markdown(f"**{one.account}** :{colour}-badge[{one.state}]")
            for hold in one.holds:
                lines = [
                    f"**{hold.state}**: {as_it_stands(hold.why)}",
                    f"Since {clock_text(hold.since)} New York, by {as_it_stands(name_of(hold.placed_by))}",
                    f"May be lifted by {hold.may_lift}" + (f": {hold.ends_when}" if hold.ends_when else ""),
                ]
                st.markdown("  \n".join(lines))
            if one.unexplained:
                st.markdown(
                    f"Held by {as_it_stands(', '.join(one.unexplained))}. Why and since when is not in the "
                    "lake yet: `alluse run` makes its tables again."
                )
            if not one.holds and not one.unexplained:
                limits = one.pivot or one.others
                st.markdown(
                    "Nothing holds it." if limits else "Nothing holds it: it may open, roll and close."
                )
            if one.drawdown is not None:
                st.markdown(f"Unit value **{-one.drawdown:.1%}** under its high-water mark")
            for text in (one.pivot, *one.others):
                if text:
                    st.markdown(f":orange-badge[limit] {text}")


def show_positions(contracts: pl.DataFrame, levels: pl.DataFrame, session: date) -> None:
    """Every open short option with its chain's anchor, adverse move and level."""
    st.subheader("Open short options and their levels", anchor=False)
    rows = positions_with_levels(contracts, levels, session)
    if rows.is_empty():
        st.info("No short option was open then, so nothing has a level. Choose another session above.")
        return
    st.dataframe(
        rows.select(
            *("account", "holding", "contracts", "side", "level_text", "multiple", "anchor_price"),
            *("anchor_atr", "close", "credit", "was_rolled", "chain"),
        ),
        hide_index=True,
        height="content",
        column_config={
            "account": "Account",
            "holding": st.column_config.TextColumn("Short option", width="medium"),
            "contracts": "Contracts",
            "side": "Side",
            "level_text": st.column_config.TextColumn("Level"),
            "multiple": st.column_config.NumberColumn(
                "Adverse move, ATRs",
                format="%.2f",
                help="(price at the first entry − price now) ÷ ATR at the first entry; below zero: in favour",
            ),
            "anchor_price": _price("Anchor price", "Underlying at the chain's first entry"),
            "anchor_atr": _price("Anchor ATR", "Average true range at the chain's first entry"),
            "close": _price("Price now", "Last close"),
            "credit": _price("Chain's credit, USD", "Premiums received less what rolls cost to buy back"),
            "was_rolled": st.column_config.CheckboxColumn("Rolled", help="Since it came to this level"),
            "chain": st.column_config.TextColumn("Chain", help="The order that began it", width="small"),
        },
        alt=f"Open short options: {rows.height}",
    )
    counts = rows["level_text"].value_counts().sort("level_text", descending=True)
    told = ", ".join(f"level {level}: {count}" for level, count in counts.iter_rows())
    st.caption(f"Short options: {rows.height}; {told}.")


def show_level_changes(changes: pl.DataFrame, session: date) -> None:
    """The history of levels with what each asked for; below it the exact orders of one of them."""
    st.subheader("Level changes", anchor=False)
    rows = level_changes_until(changes, session)
    if rows.is_empty():
        st.info("No level has changed up to then: no underlying moved an ATR against an open short option.")
        return
    bar = st.container(horizontal=True)
    kept = rows
    for label, key, column in (("Account", "account", "account"), ("Ticker", "ticker", "symbol")):
        options = rows[column].unique().sort().to_list()
        chosen = bar.multiselect(label, options, key=key, bind="query-params", placeholder="all", width=260)
        kept = kept.filter(pl.col(column).is_in(chosen)) if chosen else kept
    reached = bar.multiselect(
        "Level reached",
        LEVELS,
        format_func=lambda level: level_text(int(level)),
        key="level",
        bind="query-params",
        placeholder="all",
        width=320,
    )
    if reached:
        kept = kept.filter(pl.col("level_to").is_in([int(level) for level in reached]))
    if kept.is_empty():
        st.info("No change fits these filters. Remove one of them.")
        return
    picked = st.dataframe(
        kept.select(
            *("when", "account", "symbol", "side", "change", "multiple", "price", "does", "orders", "because")
        ),
        hide_index=True,
        height=390 if kept.height > 10 else "content",
        column_config={
            "when": _when("When, New York"),
            "account": "Account",
            "symbol": "Ticker",
            "side": "Side",
            "change": "Level",
            "multiple": st.column_config.NumberColumn("Adverse move, ATRs", format="%.2f"),
            "price": _price("Price then"),
            "does": st.column_config.TextColumn("Actions", width="medium"),
            "orders": st.column_config.TextColumn("Action script", width="large"),
            "because": st.column_config.TextColumn("Further triggers", width="small"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="level_change",
        alt=f"Level changes, newest first: {kept.height}",
    )
    marked = picked.selection.rows if picked else []
    at = marked[0] if marked and marked[0] < kept.height else 0
    _show_script(kept.row(at, named=True), bool(marked))


def _show_script(change: dict[str, Any], is_marked: bool) -> None:
    name = f"{change['account']} {change['symbol']} {change['side']}, {clock_text(change['changed_at'])}"
    which = "the marked change" if is_marked else "the newest change; mark another one in the table"
    st.markdown(f"**Action script of {name}** ({which})")
    if script_orders(change["script"]):
        show_script(change["script"])
        return
    left = change["level_to"] < change["level_from"]
    why = "the level was left downward" if left else "its actions come to no order"
    st.caption(f"There is none: {why}. Actions: {change['does'] or 'none'}.")


def show_rolls(rolls: pl.DataFrame, session: date) -> None:
    """Rolls made, and rolls that were due and not made with their reason."""
    st.subheader("Rolls", anchor=False)
    rows = rolls_until(rolls, session)
    if rows.is_empty():
        st.info(f"No roll was due up to then: no chain stood at level 2 {LEVEL_NAMES[2]}.")
        return
    made, due = int(rows["is_made"].sum()), rows.height
    choice = st.segmented_control(
        "Rolls",
        list(ROLL_CHOICES),
        format_func=ROLL_CHOICES.__getitem__,
        default="all",
        required=True,
        key="rolls",
        bind="query-params",
        label_visibility="collapsed",
    )
    if choice in ("made", "not made"):
        rows = rows.filter(pl.col("is_made") == (choice == "made"))
    if rows.is_empty():
        st.info("There is none of these. Choose the others above.")
    else:
        st.dataframe(
            rows.select(
                *("when", "account", "what", "contracts", "because", "came", "reason", "into", "net"),
                *("cost_to_close", "chain_credit", "refused"),
            ),
            hide_index=True,
            height=390 if rows.height > 10 else "content",
            column_config={
                "when": _when("When, New York"),
                "account": "Account",
                "what": st.column_config.TextColumn("Open", width="medium"),
                "contracts": "Contracts",
                "because": "Due because",
                "came": "Outcome",
                "into": st.column_config.TextColumn("Rolled into", width="medium"),
                "reason": st.column_config.TextColumn("Why not", width="large"),
                "net": _price("Net", "USD per share, received above zero"),
                "cost_to_close": _price("Cost to close", "USD per share"),
                "chain_credit": _price("Chain's credit, USD"),
                "refused": st.column_config.TextColumn("Refused targets", width="medium"),
            },
            placeholder="",
            alt=f"Rolls that were due, newest first: {rows.height}",
        )
    st.caption(f"Due up to then: {due}; made or under way {made}, not made {due - made}.")


def show_stops(stops: pl.DataFrame, session: date) -> None:
    """Cool-offs, deep drawdowns, pivots and breaker tiers with their beginning and end."""
    rows = stops_until(stops, session)
    if rows.is_empty():
        st.info("Nothing has limited new entries up to then: no cool-off, drawdown or breaker.")
        return
    st.dataframe(
        rows.select("still", "what", "account", "symbol", "measured", "began", "until", "ended"),
        hide_index=True,
        height=320 if rows.height > 8 else "content",
        column_config={
            "still": st.column_config.CheckboxColumn("Holds"),
            "what": "What",
            "account": "Account",
            "symbol": "Ticker",
            "measured": st.column_config.TextColumn("What began it", width="medium"),
            "began": _when("Since, New York"),
            "until": st.column_config.DateColumn(
                "At least until",
                format="YYYY-MM-DD",
                help="First session in which it may end, or puts resume",
            ),
            "ended": _when("Ended, New York"),
        },
        placeholder="",
        alt=f"Limits on new entries, those that hold first: {rows.height}",
    )


def _when(label: str) -> Any:
    return st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm")


def _price(label: str, help: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, format="%,.2f", help=help)
