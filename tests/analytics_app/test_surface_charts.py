import pytest

from alluse_assets.option_chains.surface.tables import SURFACES
from analytics_app.chain_figures import fitted_smile, mean_premiums, quoted_smile, term_structure
from analytics_app.charts import PALETTES
from analytics_app.surface_charts import MOST_SMILES, premium_chart, smile_chart, term_chart
from tests.analytics_app.small_chain import EXPIRIES, STRIKES, chain, snapshots, surface

LIGHT = PALETTES["light"]
NEAR = EXPIRIES[:MOST_SMILES]


def smiles(against="log_moneyness", fitted=None):
    curves = fitted_smile(surface(), NEAR) if fitted is None else fitted
    return smile_chart(quoted_smile(chain(), surface(), NEAR), curves, against, LIGHT)


def traces(chart, mode):
    return [trace for trace in chart.figure.data if trace.mode == mode]


def test_each_expiry_is_points_and_a_line_of_the_same_colour():
    chart = smiles()
    points, lines = traces(chart, "markers"), traces(chart, "lines")
    assert [trace.name for trace in points] == [str(expiry) for expiry in NEAR]
    assert [one.marker.color for one in points] == [one.line.color for one in lines]
    assert all(max(line.x) <= 0.1001 for line in lines)


def test_no_two_expiries_can_only_be_told_by_colour():
    chart = smiles()
    assert len({trace.marker.symbol for trace in traces(chart, "markers")}) == MOST_SMILES
    assert len({trace.line.dash for trace in traces(chart, "lines")}) == MOST_SMILES


def test_strikes_are_another_way_to_look_at_the_same():
    over_k, over_strikes = smiles(), smiles("strike")
    assert list(traces(over_strikes, "markers")[0].x) == STRIKES[:-1]
    assert [list(trace.y) for trace in over_k.figure.data] == [
        list(trace.y) for trace in over_strikes.figure.data
    ]


def test_the_sentence_says_what_was_quoted_and_whether_it_was_fitted():
    assert f"{NEAR[0]}: 8 quotes from" in smiles().alt
    assert "with a fitted curve" in smiles().alt
    assert "without a fitted curve" in smiles(fitted=fitted_smile(SURFACES.empty(), NEAR)).alt


def test_the_term_structure_starts_at_the_nearest_expiry():
    chart = term_chart(term_structure(surface()), LIGHT)
    (line,) = chart.figure.data
    assert line.customdata[0] == str(EXPIRIES[0])
    assert line.x[0] == pytest.approx(4)
    assert f"for {EXPIRIES[0]} to" in chart.alt


def test_premiums_are_drawn_in_new_york_time():
    chart = premium_chart(mean_premiums(snapshots()), LIGHT)
    calls, puts = chart.figure.data
    assert [at.strftime("%H:%M") for at in calls.x] == ["14:00", "14:30", "15:00"]
    assert calls.line.dash != puts.line.dash
    assert "calls from 1.10 to 1.30 USD" in chart.alt
