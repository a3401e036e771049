"""The page on protection as Streamlit runs it, over the tables and the journal of a made-up crash."""

import json
import shutil
from datetime import date

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from alluse_assets.accounts.states import place_hold
from alluse_assets.accounts.tables import BOOK_TERMS
from alluse_assets.adapters.lake import Lake
from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.installation import Installation
from alluse_assets.protection.tables import CHAIN_CONTRACTS, LEVEL_CHANGES, PROTECTION_LEVELS, ROLLS
from analytics_app.protection_figures import positions_with_levels
from tests.analytics_app.protocol_book import WORST, append, crash_events, events_until, write_crash
from tests.analytics_app.small_book import write_book
from tests.paths import ROOT

SAFE = date(2011, 2, 14)
"""The breaker on the VIX has the book SAFE; every account is in its pivot, BBB in a deep drawdown."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An installation with nothing in it, and no database."""
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.delenv("ALLUSE_DATABASE_URL", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def crash_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("crash")
    write_crash(home)
    write_crash(home, "second")
    return home


@pytest.fixture
def crash(home, crash_home, monkeypatch):
    """The lake of an installation with the crash in two books, which tests only read."""
    monkeypatch.setenv("ALLUSE_HOME", str(crash_home))
    return Lake(Installation(crash_home).lake)


@pytest.fixture
def database(home, database_url, monkeypatch):
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    return database_url


def opened(**query) -> AppTest:
    app = AppTest.from_file(str(ROOT / "analytics_app" / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = str(value)
    return app.switch_page("pages/protection.py").run()


def texts(app: AppTest, kind: str) -> str:
    """What is read: without the backslashes that keep Markdown from taking words for markup."""
    return "\n".join(element.value for element in getattr(app, kind)).replace("\\", "")


def test_the_page_reads_from_states_to_positions_to_drawdowns_to_history(crash):
    app = opened(session=WORST)
    assert not app.exception
    assert [title.value for title in app.title] == ["Protection: book crash"]
    assert [heading.value for heading in app.subheader] == [
        "Open short options and their levels",
        "Drawdowns, breakers and cool-offs",
        "Level changes",
        "Rolls",
    ]


def test_an_account_says_its_state_why_since_when_and_who_may_lift_it(crash):
    said = texts(opened(session=WORST), "markdown")
    assert "**REV-1** :orange-badge[SAFE]" in said
    assert "**SAFE**: AAA is at level 3" in said
    assert "Since 2011-02-03 16:00 New York, by rule protection" in said
    assert "May be lifted by its rule or a person with `alluse resume --hold level_3:AAA`" in said
    assert "**GEN-1** :green-badge[ACTIVE]" in said


def test_a_hold_that_no_person_may_lift_says_what_ends_it(crash):
    said = texts(opened(session=SAFE), "markdown")
    assert "circuit breaker on the VIX: **SAFE**" in said
    assert "May be lifted by its rule: it ends by itself when the volatility index has come down" in said


def test_every_open_option_has_its_chain_the_most_endangered_first(crash):
    shown = opened(session=WORST).dataframe[0].value
    stored = crash.read(CHAIN_CONTRACTS, "book=crash", WORST, WORST)
    levels = crash.read(PROTECTION_LEVELS, "book=crash", WORST, WORST)
    assert len(shown) == stored.height == levels.height > 1
    assert shown["multiple"].tolist() == sorted(levels["multiple"], reverse=True)
    assert shown["level_text"][0] == "3 preservation"
    first = shown.iloc[0]
    chain = levels.filter(chain=first["chain"], account=first["account"]).row(0, named=True)
    assert (first["anchor_price"], first["anchor_atr"]) == (chain["anchor_price"], chain["anchor_atr"])


def test_an_option_without_a_level_comes_first_and_says_so(crash):
    contracts = crash.read(CHAIN_CONTRACTS, "book=crash", WORST, WORST)
    levels = crash.read(PROTECTION_LEVELS, "book=crash", WORST, WORST).filter(pl.col("level") == 3)
    shown = positions_with_levels(contracts, levels, WORST)
    assert shown.height == contracts.height
    assert shown["level_text"].to_list() == ["none: watch it by hand", *["3 preservation"] * levels.height]


def test_a_level_change_has_its_actions_in_words_and_its_exact_orders(crash):
    app = opened(account="REV-1", ticker="AAA", level="3 preservation")
    (row,) = app.dataframe[2].value.to_dict("records")
    assert row["does"] == "alert, CRITICAL, to be closed, the account goes to SAFE, no new entries in it"
    assert row["change"].endswith("→ 3 preservation")
    stored = crash.read(LEVEL_CHANGES, "book=crash").filter(account="REV-1", symbol="AAA", level_to=3)
    (order,) = json.loads(stored["script"][0])
    assert row["orders"].startswith(f"buy to close {order['quantity']} × AAA ")
    script = app.dataframe[3].value.to_dict("records")
    assert [(one["OCC symbol"], one["Contracts"], one["Limit, USD per share"]) for one in script] == [
        (order["instrument"], order["quantity"], order["limit_price"])
    ]


def test_rolls_due_and_not_made_have_their_reason_and_the_made_ones_their_target(crash):
    rolls = crash.read(ROLLS, "book=crash")
    missed = opened(rolls="Due and not made").dataframe[-1].value
    assert len(missed) == rolls.filter(state="UNCHANGED").height > 0
    assert set(missed["came"]) == {"not made"}
    assert "it would cost a debit, and in SAFE a roll must bring a credit" in set(missed["reason"])
    made = opened(rolls="Made").dataframe[-1].value
    assert len(made) == rolls.filter(state="ROLLED").height > 0
    assert set(made["reason"]) == {""}
    assert made["into"].str.contains(" put, | call, ").all()


def test_pivots_breakers_cool_offs_and_deep_drawdowns_say_what_began_them_and_until_when(crash):
    app = opened(session=SAFE)
    (stops,) = (frame.value for frame in app.dataframe if "measured" in frame.value)
    assert set(stops["what"]) == {
        "circuit breaker on the VIX",
        "cool-off after level 3",
        "deep drawdown: no new puts",
        "drawdown pivot: calls only",
    }
    told = " ".join(stops["measured"])
    assert "under the high-water mark" in told
    assert "SAFE: VIX " in told
    assert "in its drawdown pivot: calls only; puts may resume from" in texts(app, "markdown")
    assert "no new puts on BBB: deep drawdown" in texts(app, "markdown")


def test_a_session_shows_nothing_that_came_after_it(crash):
    app = opened(session="2011-01-10")
    assert not app.exception
    said = texts(app, "info")
    assert "No level has changed up to then" in said
    assert "No roll was due up to then" in said
    assert "Nothing has limited new entries" in said


def test_without_a_database_the_page_says_that_it_reads_the_lake(crash):
    assert "Read from the lake" in texts(opened(), "caption")


def test_option_prices_of_a_model_are_called_so_and_those_of_files_are_not(crash, home, monkeypatch):
    assert "model-priced" not in texts(opened(), "caption")
    lake = write_crash(home)
    terms = lake.read(BOOK_TERMS, "book=crash").with_columns(model_priced=pl.lit(True))
    lake.write(BOOK_TERMS, "book=crash", terms, replacing=terms["session"])
    monkeypatch.setenv("ALLUSE_HOME", str(home))
    assert "Its option prices and VIX are model-priced" in texts(opened(), "caption")


def test_a_paper_book_that_no_table_knows_is_read_from_its_journal_as_it_is_now(database):
    events = events_until(WORST)
    append(database, "mine", *events)
    before = opened(book="mine")
    assert not before.exception
    assert "A **paper** book, read from its journal" in texts(before, "caption")
    assert ":orange-badge[PAUSED]" not in texts(before, "markdown")
    state = fold(events).protection
    at = events[-1].effective_at
    append(database, "mine", place_hold(state, "GEN-1", "paused", "holiday", at, "person:Ann"))
    after = texts(opened(book="mine"), "markdown")
    assert "**GEN-1** :orange-badge[PAUSED]" in after
    assert "**PAUSED**: holiday" in after
    assert "by Ann" in after
    assert "May be lifted by a person with `alluse resume`" in after


def test_journal_and_lake_say_the_same_of_a_replay(crash, database_url, monkeypatch):
    from_lake = opened(session=WORST)
    append(database_url, "crash", *crash_events(), kind="replay")
    monkeypatch.setenv("ALLUSE_DATABASE_URL", database_url)
    from_journal = opened(session=WORST)
    assert "replay" in texts(from_journal, "caption")
    assert [f.value.to_csv() for f in from_lake.dataframe] == [
        f.value.to_csv() for f in from_journal.dataframe
    ]
    assert texts(from_lake, "markdown") == texts(from_journal, "markdown")


def test_a_database_that_is_gone_is_told_and_the_lake_goes_on(crash, monkeypatch):
    monkeypatch.setenv("ALLUSE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    app = opened()
    assert not app.exception
    assert "127.0.0.1:9" in texts(app, "warning")
    assert app.title[0].value == "Protection: book crash"
    assert app.dataframe


def test_without_a_book_the_page_says_what_to_run(home):
    app = opened()
    assert not app.exception
    assert "make run" in texts(app, "info")
    assert str(home) in texts(app, "info")


def test_a_book_whose_tables_know_no_account_says_what_makes_them(home):
    write_book(home)
    app = opened()
    assert not app.exception
    assert "alluse run --book sample" in texts(app, "info")


def test_a_book_or_session_that_is_not_there_is_told(crash):
    app = opened(book="nonesuch", session="1999-01-01`")
    assert not app.exception
    said = texts(app, "warning")
    assert "no book `nonesuch`" in said
    assert "`1999-01-01'` is no session" in said


def test_another_book_keeps_the_page_whole_whatever_was_chosen_before(crash):
    app = opened(session=WORST, account="REV-1", ticker="AAA")
    app.selectbox(key="book").select("second").run()
    assert not app.exception
    assert app.title[0].value == "Protection: book second"


def test_a_lake_that_is_older_than_a_table_never_says_that_all_is_well(home):
    lake = write_crash(home)
    for table in ("account_holds", "chain_contracts"):
        shutil.rmtree(lake.root / table)
    app = opened(session=WORST)
    assert not app.exception
    said = texts(app, "markdown")
    assert "**REV-1** :orange-badge[SAFE]" in said
    assert "Held by level_3:AAA, level_3:BBB. Why and since when is not in the lake yet" in said
    held = app.dataframe[0].value
    assert held["level_text"][0] == "3 preservation"
    assert held["holding"].str.contains("contract not known").all()
    assert held["contracts"].min() > 0


def test_a_damaged_file_is_told_in_words(home):
    lake = write_crash(home)
    for file in (lake.root / "level_changes").rglob("*.parquet"):
        file.write_bytes(b"cut")
    app = opened()
    assert not app.exception
    assert "materialise the table in the Dagster UI" in texts(app, "error")
