"""What of a market's data was refused, how much, since when; and what was corrected or is out of date.

Read top to bottom as on the screen. Market, table and rule are in the URL, so a link shows the same page.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from alluse_assets.base.errors import AlluseError
from analytics_app import queries
from analytics_app.charts import PALETTES
from analytics_app.quality_figures import refused_by_rule, refused_chart

_ROWS_SHOWN = 500


def show() -> None:
    """The page."""
    st.title("Data quality", anchor=False)
    lake = queries.lake_here()
    try:
        markets = queries.market_names(lake)
        if not markets:
            _say_nothing_there(lake.url)
        market = st.selectbox("Market", markets, key="market", bind="query-params", width=220)
        refused = queries.quarantine(lake, market)
        good = queries.market_rows(lake, market)
        states = queries.market_state(lake, market)
    except AlluseError as error:
        st.error(
            f"{error}\n\nTake the data in again (`alluse ingest`), or materialise the table in the Dagster "
            "UI. Then reload this page.",
            title="The lake cannot be read",
        )
        st.stop()
    st.caption(
        "A row that breaks a rule never vanishes and never passes: it lands in quarantine with the rule's "
        "name. Everything else goes on, unless too large a share was refused. A refused row whose key has a "
        "good row by now was corrected: it stays here and no longer counts in that share."
    )
    _show_headlines(refused, good)
    _show_rules(refused, good)
    _show_rows(refused)
    _show_state(states)


def _say_nothing_there(where: str) -> None:
    st.info(
        "Run `make run` for the sample market, or `alluse ingest --path FOLDER` for your own files. Then "
        f"reload this page. Looked in `{where}`; `ALLUSE_HOME` names another installation.",
        title="There is no market data yet",
        icon=":material/inbox:",
    )
    st.stop()


def _show_headlines(refused: pl.DataFrame, good: dict[str, int]) -> None:
    grid = st.grid(3, min_column_width=200)
    whole = sum(good.values()) + refused.height
    latest = refused["session"].max() if refused.height else None
    share = f"{refused.height / whole:.3%} of all" if whole else "none"
    corrected = int(refused["is_corrected"].sum())
    for name, value, told in (
        ("Rows that passed", f"{sum(good.values()):,}", "In all tables that are checked"),
        ("Rows refused", f"{refused.height:,}", f"{share}; {corrected:,} corrected since"),
        ("Latest refusal", str(latest or "never"), "Session of the row"),
    ):
        with grid.cell(), st.container(border=True, height="stretch"):
            st.metric(name, value)
            st.caption(told)


def _show_rules(refused: pl.DataFrame, good: dict[str, int]) -> None:
    st.subheader("What was refused, by rule", anchor=False)
    if refused.is_empty():
        st.success("Nothing was refused: every row kept every rule.", icon=":material/check_circle:")
        return
    table = refused_by_rule(refused, good)
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={
            "table": "Table",
            "rule": "Rule",
            "rule_text": st.column_config.TextColumn("What the rule says", width="large"),
            "rows": st.column_config.NumberColumn("Rows", format="%,d"),
            "share": st.column_config.NumberColumn("Share of the table", format="percent"),
            "corrected": st.column_config.NumberColumn("Corrected since", format="%,d"),
            "sessions": st.column_config.NumberColumn("Sessions", format="%,d"),
            "first_session": st.column_config.DateColumn("Since", format="YYYY-MM-DD"),
            "last_session": st.column_config.DateColumn("Latest", format="YYYY-MM-DD"),
        },
        alt=f"Refused rows by rule: {table.height} rules",
    )
    palette = PALETTES["dark" if st.context.theme.type == "dark" else "light"]
    chart = refused_chart(refused, palette)
    st.plotly_chart(chart.figure, alt=chart.alt, config={"displayModeBar": False}, key="refused")


def _show_rows(refused: pl.DataFrame) -> None:
    if refused.is_empty():
        return
    st.subheader("The rows themselves", anchor=False)
    bar = st.container(horizontal=True)
    rules = refused["rule"].unique().sort().to_list()
    chosen = bar.multiselect("Rule", rules, key="rule", bind="query-params", placeholder="every rule")
    rows = refused.filter(pl.col("rule").is_in(chosen)) if chosen else refused
    rows = rows.sort("session", "table", "row_key", descending=[True, False, False], nulls_last=True)
    st.dataframe(
        rows.head(_ROWS_SHOWN).select(
            *("session", "table", "rule", "row_key", "is_corrected", "source", "row_json")
        ),
        hide_index=True,
        column_config={
            "session": st.column_config.DateColumn("Session", format="YYYY-MM-DD"),
            "table": "Table",
            "rule": "Rule",
            "row_key": "Key",
            "is_corrected": "Corrected since",
            "source": "Source",
            "row_json": st.column_config.TextColumn("The row as it came", width="large"),
        },
        alt=f"Refused rows: {min(rows.height, _ROWS_SHOWN)} of {rows.height}",
    )
    st.caption(
        f"The latest {min(rows.height, _ROWS_SHOWN):,} of {rows.height:,}. `alluse export` has all of them."
    )


def _show_state(states: pl.DataFrame) -> None:
    st.subheader("Months in the lake", anchor=False)
    st.caption(
        "A month that was corrected keeps its versions. One that is out of date was made from rows that have "
        "changed since: `alluse run`, or materialising it in the Dagster UI, makes it again."
    )
    st.dataframe(
        states,
        hide_index=True,
        column_config={
            "table": "Table",
            "months": st.column_config.NumberColumn("Months", format="%,d"),
            "rows": st.column_config.NumberColumn("Rows", format="%,d"),
            "first": "From",
            "last": "To",
            "corrected": st.column_config.NumberColumn("Corrected months", format="%,d"),
            "out_of_date": st.column_config.NumberColumn("Out of date", format="%,d"),
        },
        alt=f"State of {states.height} tables",
    )


show()
