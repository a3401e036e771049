"""The overview of one book: how much it is worth, what it holds, what it traded, how its weeks went.

Read top to bottom as on the screen. Book, days and filters are in the URL, so a link shows the same page.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from alluse_assets.base.errors import AlluseError
from alluse_assets.ledger.tables import BOOK_ROW
from analytics_app import queries
from analytics_app.book_choice import plain
from analytics_app.book_figures import Headline, account_names, headlines, week_counts, within
from analytics_app.charts import MEASURE_TEXT, PALETTES, Palette, nav_chart
from analytics_app.position_tables import FILTER_KEYS, show_positions, show_trades
from analytics_app.queries import BookTables
from analytics_app.week_strip import week_legend, week_strip

_RANGE_KEYS = ("from", "to")
_KIND_TEXT = {"gen": "Gen-Acc", "rev": "Rev-Acc", "com": "Com-Acc"}


def show() -> None:
    """The page."""
    title = st.empty()
    title.title("ALL-USE", anchor=False)
    lake = queries.lake_here()
    try:
        names = queries.book_names(lake)
        if not names:
            _say_no_book(lake.url)
        asked = st.query_params.get("book")
        bar = st.container(horizontal=True, vertical_alignment="bottom")
        book = _choose_book(bar, names)
        tables = queries.book_tables(lake, book)
    except AlluseError as error:
        st.error(
            f"{error}\n\nThe source of a book's tables is its journal: run `alluse up` and materialise the "
            "table in the Dagster UI, where any one partition makes all of it again. Then reload this page.",
            title="The lake cannot be read",
        )
        st.stop()
    title.title(f"ALL-USE: book {book}", anchor=False)
    if asked is not None and asked not in names:
        st.warning(
            f"There is no book `{plain(asked)}` here, so this is `{book}`. Books here: {', '.join(names)}. "
            f"A new one is made by `alluse run --book NAME`."
        )
    start, end = _choose_days(bar, tables.net_asset_value)
    _say_what_it_is(tables, book)
    values = within(tables.net_asset_value, start, end)
    if values.is_empty():
        first, last = _span(tables.net_asset_value)
        st.warning(
            f"No session from {start} to {end}: choose days between {first} and {last}"
            + (", and a first day that is not after the last one." if start > end else ".")
        )
        st.stop()
    accounts = account_names(tables.net_asset_value)
    palette = PALETTES["dark" if st.context.theme.type == "dark" else "light"]
    ended = within(tables.option_trades, start, end, "closed")
    _show_headlines(headlines(values, ended))
    _show_nav(values, ended, palette)
    show_positions(tables.positions, _span(values)[1], accounts)
    show_trades(tables.option_trades, start, end, accounts)
    _show_weeks(within(tables.week_types, start, end), accounts, palette)


def _say_no_book(folder: str) -> None:
    st.info(
        "Run `make run` in the project's folder: it trades two years of the sample market in about a "
        f"minute. Then reload this page. Looked in `{folder}`; `ALLUSE_HOME` names another installation.",
        title="There is no book yet",
        icon=":material/inbox:",
    )
    st.stop()


def _choose_book(bar: DeltaGenerator, names: list[str]) -> str:
    return bar.selectbox(
        "Book",
        names,
        index=names.index("sample") if "sample" in names else 0,
        key="book",
        bind="query-params",
        on_change=_forget_choices,
        width=220,
    )


def _forget_choices() -> None:
    """Another book has other days, accounts and tickers."""
    try:
        tables = queries.book_tables(queries.lake_here(), st.session_state["book"])
    except AlluseError:
        return  # The page reads the same again and tells it.
    # Set, not dropped: what the URL says would come back.
    st.session_state.update(zip(_RANGE_KEYS, _span(tables.net_asset_value), strict=True))
    st.session_state.update({key: [] for key in FILTER_KEYS})


def _choose_days(bar: DeltaGenerator, net_asset_value: pl.DataFrame) -> tuple[date, date]:
    whole = _span(net_asset_value)
    chosen = [
        bar.date_input(
            label,
            day,
            min_value=date(1970, 1, 1),
            max_value=date(2199, 12, 31),
            key=key,
            format="YYYY-MM-DD",
            bind="query-params",
            width=160,
        )
        for label, day, key in zip(("From", "To"), whole, _RANGE_KEYS, strict=True)
    ]
    # A day that somebody cleared stands for the first or the last there is.
    start, end = (picked or day for picked, day in zip(chosen, whole, strict=True))
    return start, end


def _span(net_asset_value: pl.DataFrame) -> tuple[date, date]:
    days = net_asset_value["session"]
    first, last = days.min(), days.max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    return first, last


def _say_what_it_is(tables: BookTables, book: str) -> None:
    terms = tables.terms
    if terms is None:
        st.warning(
            "The lake does not say where this book's prices come from or which rules it follows: "
            f"`alluse run --book {book}` writes it."
        )
        return
    said = ["Estimates before tax."]
    if terms["model_priced"]:
        said.insert(
            0,
            "**Option prices and VIX in this book are model-priced**; the shares' bars are real. It shows "
            "how the system works, not what it would have earned.",
        )
    if terms["rules_not_active"]:
        said.append(f"Rules not yet active: {', '.join(terms['rules_not_active'])}.")
    said.append(f"Profile {terms['profile']}, opened with {terms['lump_sum']:,.0f} USD.")
    st.caption(" ".join(said))


def _show_headlines(found: list[Headline]) -> None:
    grid = st.grid(4, min_column_width=230)
    for headline in found:
        name = headline.account
        label = "Whole book" if name == BOOK_ROW else f"{name} · {_KIND_TEXT[headline.kind]}"
        captured = (
            "no option trade ended"
            if headline.premium_captured is None
            else f"premium captured **{headline.premium_captured:.1%}** of {headline.credit:,.0f} USD"
        )
        with grid.cell(), st.container(border=True, height="stretch"):
            st.metric(
                f"{label}, NAV in USD",
                f"{headline.nav:,.0f}",
                f"{headline.time_weighted_return:+.2%} return",
                help="Net asset value at the last close; time-weighted return over the days chosen.",
            )
            st.caption(f"Deepest drawdown **{headline.max_drawdown:.1%}**, {captured}")


def _show_nav(values: pl.DataFrame, ended: pl.DataFrame, palette: Palette) -> None:
    st.subheader("Net asset value by account", anchor=False)
    measure = st.segmented_control(
        "Measure",
        list(MEASURE_TEXT),
        format_func=MEASURE_TEXT.__getitem__,
        default="index",
        required=True,
        key="measure",
        bind="query-params",
        label_visibility="collapsed",
    )
    chart = nav_chart(values, ended, measure or "index", palette)
    st.plotly_chart(chart.figure, alt=chart.alt, config={"displayModeBar": False}, key="nav")


def _show_weeks(week_types: pl.DataFrame, accounts: list[str], palette: Palette) -> None:
    st.subheader("Week types", anchor=False)
    if week_types.is_empty():
        st.info("No trading week ended in these days. Choose a whole week or more above.")
        return
    weeks = week_types["week"].n_unique()
    st.caption(
        "What each week that ended in these days turned out to be, for each account and ticker. "
        f"Weeks: {weeks}. The letters are explained below."
    )
    st.html(week_strip(week_types, accounts, palette))
    st.html(week_legend(week_counts(week_types, accounts), accounts, palette))


show()
