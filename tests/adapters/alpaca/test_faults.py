"""What goes wrong between us and Alpaca's REST interfaces, with the real SDK before the loopback server."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from alluse_assets.adapters.alpaca import AlpacaSource
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.source import ChainScope
from tests.adapters.alpaca.conftest import MakeSource
from tests.adapters.alpaca.rest_server import Fault, RestServer

FIRST, LAST = date(2024, 2, 27), date(2024, 3, 5)
SCOPE = ChainScope(near_days=10, strikes_each_side=2, leaps_days=(300,))

QUESTIONS: dict[str, Callable[[AlpacaSource], pl.DataFrame]] = {
    "bars": lambda s: s.history("bars", ["AAPL", "SPY"], FIRST, LAST),
    "intraday_bars": lambda s: s.history("intraday_bars", ["SPY"], LAST, LAST),
    "option_bars": lambda s: s.history("option_bars", ["SPY"], FIRST, LAST, SCOPE),
    "corporate_actions": lambda s: s.history("corporate_actions", ["AAPL", "SPY"], FIRST, LAST),
    "share_quotes": lambda s: s.snapshot("share_quotes", ["AAPL", "SPY"]),
    "option_quotes": lambda s: s.snapshot("option_quotes", ["SPY"], SCOPE),
}
every_question = pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS.keys())

PASSING = {
    "429": Fault(429),
    "429 that says when": Fault(429, headers={"Retry-After": "0"}),
    "500": Fault(500),
    "502 with a page of a proxy": Fault(502, body="<html>Bad Gateway</html>"),
    "503": Fault(503),
    "504": Fault(504),
    "JSON that breaks off": Fault(cut=20),
    "an empty body": Fault(body=""),
    "a connection that breaks off in the body": Fault(cut=20, keeps_length=True),
    "a page of a proxy with status 200": Fault(body="<html>Welcome</html>"),
    "a list instead of an object": Fault(body="[]"),
}


@every_question
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_asked_for_again_and_changes_no_row(
    ask: Callable[[AlpacaSource], pl.DataFrame], fault: Fault, make_source: MakeSource, rest: RestServer
) -> None:
    undisturbed = ask(make_source())
    assert not undisturbed.is_empty()
    calls = len(rest.calls)
    rest.fail_next(fault, Fault(), fault)
    assert ask(make_source()).equals(undisturbed)
    # Of a question of one call only the first of the faults is met.
    assert len(rest.calls) - calls > calls


@every_question
def test_small_pages_give_the_same_rows_as_large_ones(
    ask: Callable[[AlpacaSource], pl.DataFrame], make_source: MakeSource, rest: RestServer
) -> None:
    whole = ask(make_source())
    rest.page_rows = 3
    assert ask(make_source()).equals(whole)


@pytest.mark.parametrize("kind", ["bars", "option_quotes", "option_bars", "corporate_actions"])
def test_pages_that_go_in_a_circle_are_an_error(kind: str, make_source: MakeSource, rest: RestServer) -> None:
    rest.page_rows = 2
    rest.circles = True
    with pytest.raises(SourceError, match="circle") as failure:
        QUESTIONS[kind](make_source())
    assert not failure.value.is_passing


def test_a_page_in_the_middle_that_is_torn_loses_nothing(make_source: MakeSource, rest: RestServer) -> None:
    whole = QUESTIONS["bars"](make_source())
    rest.page_rows = 2
    rest.fail_next(Fault(), Fault(cut=30), Fault(), Fault(500))
    assert QUESTIONS["bars"](make_source()).equals(whole)


def test_a_server_that_stays_broken_is_given_up_as_passing(make_source: MakeSource, rest: RestServer) -> None:
    rest.fail_next(*[Fault(503)] * 50)
    with pytest.raises(SourceError, match=r"/v2/stocks/bars: HTTP 503") as failure:
        QUESTIONS["bars"](make_source(retry_budget_seconds=0.1))
    assert failure.value.is_passing


def test_a_body_that_is_always_torn_is_never_an_empty_answer(
    make_source: MakeSource, rest: RestServer
) -> None:
    rest.fail_next(*[Fault(cut=10)] * 50)
    with pytest.raises(SourceError, match="breaks off") as failure:
        QUESTIONS["bars"](make_source(retry_budget_seconds=0.1))
    assert failure.value.is_passing


def test_a_limit_that_is_new_later_than_we_wait_is_told(make_source: MakeSource, rest: RestServer) -> None:
    rest.fail_next(Fault(429, headers={"Retry-After": "3600"}))
    with pytest.raises(SourceError, match="HTTP 429") as failure:
        QUESTIONS["bars"](make_source(retry_budget_seconds=30))
    assert failure.value.is_passing
    assert len(rest.calls) == 1


def test_an_answer_that_does_not_come_is_given_up(make_source: MakeSource, rest: RestServer) -> None:
    rest.fail_next(Fault(delay_seconds=1.0))
    with pytest.raises(SourceError, match=r"no answer within 0\.05 s") as failure:
        QUESTIONS["bars"](make_source(answer_seconds=0.05, retry_budget_seconds=0))
    assert failure.value.is_passing


def test_a_server_that_is_not_there_is_passing(make_source: MakeSource) -> None:
    source = make_source(data_url="http://127.0.0.1:9", retry_budget_seconds=0)
    with pytest.raises(SourceError, match="no connection") as failure:
        QUESTIONS["bars"](source)
    assert failure.value.is_passing


def test_wrong_keys_are_refused_with_what_to_do_and_without_the_keys(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="ALLUSE_ALPACA_SECRET_KEY") as failure:
        QUESTIONS["bars"](make_source(secret="not-the-secret"))
    assert not failure.value.is_passing
    assert "not-the-secret" not in str(failure.value)


def test_a_feed_without_subscription_names_the_setting(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="ALLUSE_ALPACA_LIVE_FEED") as failure:
        QUESTIONS["share_quotes"](make_source(live_feed="sip"))
    assert not failure.value.is_passing


def test_opra_without_agreement_names_the_setting(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="ALLUSE_ALPACA_OPTION_FEED=indicative"):
        QUESTIONS["option_quotes"](make_source(option_feed="opra"))


def test_a_symbol_that_is_none_is_told_in_alpacas_words(make_source: MakeSource) -> None:
    with pytest.raises(SourceError, match="invalid symbol: 2X") as failure:
        make_source().history("bars", ["2X"], FIRST, LAST)
    assert not failure.value.is_passing


STRANGE = {
    "bars": ('{"bars": {"SPY": [{"t": "2024-03-05T05:00:00Z", "o": "x"}]}, "next_page_token": null}', "bars"),
    "no bars": ('{"message": "hello"}', "bars"),
    "rows that are no list": ('{"bars": {"SPY": {"t": 1}}, "next_page_token": null}', "bars"),
    "a bar without a close": (
        '{"bars": {"SPY": [{"t": "2024-03-05T05:00:00Z", "o": 1, "h": 1, "l": 1, "v": 1}]}}',
        "bars",
    ),
    "an instant that is none": (
        '{"bars": {"SPY": [{"t": "yesterday", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}]}}',
        "bars",
    ),
    "a snapshot that is a text": ('{"message": "hello"}', "share_quotes"),
    "actions without dates": (
        '{"corporate_actions": {"cash_dividends": [{"symbol": "SPY", "rate": 1}]}}',
        "corporate_actions",
    ),
    "contracts under another name": ('{"contracts": []}', "option_bars"),
}


@pytest.mark.parametrize(("body", "kind"), STRANGE.values(), ids=STRANGE.keys())
def test_a_whole_answer_of_another_form_is_refused(
    body: str, kind: str, make_source: MakeSource, rest: RestServer
) -> None:
    # Closes are asked for before contracts.
    rest.fail_next(*([Fault()] if kind == "option_bars" else []), Fault(body=body))
    with pytest.raises(SourceError) as failure:
        QUESTIONS[kind](make_source())
    assert not failure.value.is_passing
