import pytest

from alluse_assets.ledger.tables import BOOK_ROW
from analytics_app.book_figures import within
from analytics_app.charts import PALETTES, nav_chart
from tests.analytics_app.colour_contrast import contrast
from tests.analytics_app.small_book import FALL, LAST, SESSIONS, net_asset_value, option_trades

LIGHT = PALETTES["light"]


def lines(chart):
    return [trace for trace in chart.figure.data if "lines" in trace.mode]


def markers(chart):
    return {trace.name: trace for trace in chart.figure.data if trace.mode == "markers"}


def test_growth_starts_at_a_hundred_before_the_first_day_of_any_range():
    chart = nav_chart(within(net_asset_value(), FALL, LAST), option_trades().clear(), "index", LIGHT)
    first = {line.name: line.y[0] for line in lines(chart)}
    assert first["COM-1"] == pytest.approx(95)
    assert first["GEN-1"] == pytest.approx(100.1)


def test_dollars_are_those_of_the_accounts():
    chart = nav_chart(net_asset_value(), option_trades().clear(), "usd", LIGHT)
    assert [line.name for line in lines(chart)] == ["GEN-1", "REV-1", "COM-1"]
    assert lines(chart)[0].y[0] == 400_400


def test_assignments_are_marked_on_their_accounts_line():
    chart = nav_chart(net_asset_value(), option_trades(), "usd", LIGHT)
    assert set(markers(chart)) == {"put assigned", "shares called away"}
    assigned = markers(chart)["put assigned"]
    assert list(assigned.x) == [SESSIONS[9]]
    assert assigned.y[0] == lines(chart)[0].y[9]
    assert assigned.text[0] == "GEN-1 2 × GOOG at 27.5"


def test_no_two_lines_can_only_be_told_by_colour():
    chart = nav_chart(net_asset_value(), option_trades(), "index", LIGHT)
    assert len({(line.line.dash, line.line.width) for line in lines(chart)}) == len(lines(chart))
    assert len({trace.marker.symbol for trace in markers(chart).values()}) == len(markers(chart))


def test_one_session_is_shown_as_points():
    chart = nav_chart(within(net_asset_value(), LAST, LAST), option_trades().clear(), "index", LIGHT)
    assert {line.mode for line in lines(chart)} == {"lines+markers"}


def test_the_sentence_for_those_who_do_not_see_it_has_the_last_values():
    chart = nav_chart(net_asset_value(), option_trades(), "usd", LIGHT)
    nav = net_asset_value().filter(account="GEN-1")["nav"][-1]
    assert f"GEN-1 {nav:,.0f} USD" in chart.alt
    assert BOOK_ROW not in chart.alt


@pytest.mark.parametrize("name", list(PALETTES))
def test_lines_stand_out_from_the_page(name):
    palette = PALETTES[name]
    assert all(contrast(colour, palette.page) >= 3 for colour in palette.lines)
    assert contrast(palette.text, palette.page) >= 7
