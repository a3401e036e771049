"""The chains of one underlying and the volatility surface through them: what is quoted, what was fitted.

Read top to bottom as on the screen. Market, underlying, session and what is drawn are in the URL, so a link
shows the same page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from alluse_assets.base.calendar import NEW_YORK
from alluse_assets.base.errors import AlluseError
from alluse_assets.option_chains.surface.tables import SURFACES
from analytics_app import queries
from analytics_app.chain_figures import (
    expiries_with_time,
    fitted_smile,
    is_model_priced,
    mean_premiums,
    quoted_smile,
    term_structure,
    without_volatility,
)
from analytics_app.chain_tables import show_fits, show_ladder
from analytics_app.charts import PALETTES, Palette
from analytics_app.queries import ChainTables
from analytics_app.surface_charts import AGAINST_TEXT, MOST_SMILES, premium_chart, smile_chart, term_chart

_LATEST = "latest"
_VERSION_SHOWN = 12


def show() -> None:
    """The page."""
    st.title("Chains and surfaces", anchor=False)
    lake = queries.lake_here()
    try:
        markets = queries.chain_markets(lake)
        if not markets:
            _say_no_chain(lake.url)
        bar = st.container(horizontal=True, vertical_alignment="bottom")
        market = _choose(bar, "Market", "market", markets)
        known = queries.chain_days(lake, market)
        underlying = _choose(
            bar, "Underlying", "underlying", known.days["underlying"].unique().sort().to_list()
        )
        days = known.days.filter(pl.col("underlying") == underlying)["session"].sort(descending=True)
        chosen = _choose(bar, "Session", "session", [_LATEST, *map(str, days)])
        session = days[0] if chosen == _LATEST else days[days.cast(pl.String).index_of(chosen) or 0]
        tables = queries.chain_tables(lake, market, underlying, session, known.hot)
    except AlluseError as error:
        st.error(
            f"{error}\n\nMaterialise `option_chains` and `surfaces` of the month in the Dagster UI, or take "
            "the data in again (`alluse ingest`). Then reload this page.",
            title="The chain cannot be read",
        )
        st.stop()
    if known.trouble:
        st.warning(
            f"{known.trouble}\n\nThis page goes on with the lake alone and asks again after a minute. Start "
            "the server, or unset `ALLUSE_DATABASE_URL`.",
            title="The hot store cannot be asked",
        )
    chain = tables.chain.rows
    surface = tables.surface.rows if tables.surface else SURFACES.empty()
    palette = PALETTES["dark" if st.context.theme.type == "dark" else "light"]
    _say_what_it_is(tables, underlying)
    _show_smile(chain, surface, palette)
    _show_surface(surface, underlying, palette)
    show_ladder(chain)
    _show_snapshots(tables.snapshots.rows, palette)


def _say_no_chain(where: str) -> None:
    st.info(
        "Run `make run` for the sample market, or `alluse ingest --path FOLDER` for your own files. Then "
        f"reload this page. Looked in `{where}`; `ALLUSE_HOME` names another installation.",
        title="There is no chain yet",
        icon=":material/inbox:",
    )
    st.stop()


def _choose(bar: DeltaGenerator, label: str, key: str, options: Sequence[str]) -> str:
    """One of ``options``, kept in the URL; what the URL asks for in vain is told."""
    asked = st.query_params.get(key)
    chosen = bar.selectbox(label, options, key=key, bind="query-params", width=200)
    if asked is not None and asked not in options:
        given = asked.replace("`", "'")[:60]
        st.warning(
            f"There is no {label.lower()} `{given}` here, so this is `{chosen}`. Choose another one above."
        )
    return chosen


def _say_what_it_is(tables: ChainTables, underlying: str) -> None:
    chain = tables.chain.rows
    at: datetime = chain["quote_ts"][0]
    reasons = without_volatility(chain)
    missing = sum(number for _, number in reasons)
    why = f" ({', '.join(f'{text}: {number:,}' for text, number in reasons)})" if reasons else ""
    st.markdown(
        f"**{underlying}** at **{chain['underlying_price'][0]:,.2f} USD**, quotes of "
        f"**{at.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York time**. "
        f"Contracts: **{chain.height:,}**, without an implied volatility: **{missing:,}**{why}."
    )
    if is_model_priced(chain):
        st.caption(
            "**Option prices here are model-priced**: a model made these quotes. They show how the system "
            "works, not what a market said."
        )
    st.caption(_origin_text(tables))


def _origin_text(tables: ChainTables) -> str:
    """From which stores the rows came, and in which versions."""
    answers = [tables.chain, *([tables.surface] if tables.surface else []), tables.snapshots]
    by_store: dict[str, list[str]] = {}
    for one in (origin for answer in answers for origin in answer.origins):
        told = f"`{one.table}` version `{one.version[:_VERSION_SHOWN]}`"
        by_store.setdefault(one.store, []).append(told)
    return " ".join(f"From the {store}: {', '.join(told)}." for store, told in by_store.items())


def _show_smile(chain: pl.DataFrame, surface: pl.DataFrame, palette: Palette) -> None:
    st.subheader("Volatility smile", anchor=False)
    expiries = expiries_with_time(chain)
    if not expiries:
        st.info("Every contract of this chain expired at its instant. Choose an earlier session above.")
        return
    bar = st.container(horizontal=True)
    chosen = bar.multiselect(
        "Expiries",
        [str(expiry) for expiry in expiries],
        key="smile",
        bind="query-params",
        placeholder=f"the next {min(MOST_SMILES, len(expiries))}",
        max_selections=MOST_SMILES,
        width=560,
    )
    against = bar.segmented_control(
        "Drawn over",
        list(AGAINST_TEXT),
        format_func=AGAINST_TEXT.__getitem__,
        default="log_moneyness",
        required=True,
        key="over",
        bind="query-params",
    )
    drawn = [expiry for expiry in expiries if str(expiry) in chosen] or expiries[:MOST_SMILES]
    quoted = quoted_smile(chain, surface, drawn)
    if quoted.is_empty():
        st.info("No quote out of the money has a volatility here. Choose other expiries or another session.")
        return
    chart = smile_chart(quoted, fitted_smile(surface, drawn), against or "log_moneyness", palette)
    st.plotly_chart(chart.figure, alt=chart.alt, config={"displayModeBar": False}, key="smile_chart")
    st.caption(
        "Points: implied volatilities of the quotes out of the money, puts below the forward, calls above. "
        "Lines: the curve fitted to them, as far as there are strikes."
    )


def _show_surface(surface: pl.DataFrame, underlying: str, palette: Palette) -> None:
    st.subheader("Term structure at the money", anchor=False)
    if surface.is_empty():
        st.info(
            f"There is no surface of {underlying} at this instant, so no curve, no term structure and no "
            "report of the fit. Materialise `surfaces` of the month in the Dagster UI. Then reload the page.",
            icon=":material/inbox:",
        )
        return
    term = term_structure(surface)
    if term.is_empty():
        st.info("No expiry could be fitted. The table below says why; another session may have more quotes.")
    else:
        chart = term_chart(term, palette)
        st.plotly_chart(chart.figure, alt=chart.alt, config={"displayModeBar": False}, key="term_chart")
    show_fits(surface)


def _show_snapshots(snapshots: pl.DataFrame, palette: Palette) -> None:
    if snapshots.is_empty():
        return
    st.subheader("Premiums through the session", anchor=False)
    premiums = mean_premiums(snapshots)
    if premiums.is_empty():
        st.info("No contract had a bid in every snapshot. Choose another session above.")
        return
    chart = premium_chart(premiums, palette)
    st.plotly_chart(chart.figure, alt=chart.alt, config={"displayModeBar": False}, key="premium_chart")
    st.caption(
        "Mean of half of bid plus ask, USD per share, over the contracts that had a bid in every snapshot."
    )


show()
