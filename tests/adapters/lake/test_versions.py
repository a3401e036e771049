"""What a correction replaces is kept; what derived tables were made from is known."""

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.lake import Change, Input
from alluse_assets.base.errors import DataError
from tests.adapters.lake.places import MONTH, PRICES, many_rows, rows

KEPT = replace(PRICES, keeps_versions=True)
DERIVED = replace(PRICES, name="derived")
FIRST = date(2011, 1, 3)
TWO = rows(("2011-01-03", "A", 1), ("2011-01-04", "A", 2))


def test_a_correction_keeps_the_version_before_with_what_changed(lake):
    lake.write(KEPT, "sample", TWO)
    lake.write(KEPT, "sample", rows(("2011-01-03", "A", 9), ("2011-01-05", "A", 3)))
    lake.write(KEPT, "sample", TWO[:0], replacing=[date(2011, 1, 5)])
    first, second, third = lake.versions(KEPT, "sample", "2011-01")
    assert [(v.number, v.rows, v.change) for v in (first, second, third)] == [
        (1, 2, None),
        (2, 3, Change(rows_added=1, rows_replaced=1, rows_removed=0)),
        (3, 2, Change(rows_added=0, rows_replaced=0, rows_removed=1)),
    ]
    assert len({v.sha256 for v in (first, second, third)}) == 3
    closes = [lake.read_version(KEPT, "sample", "2011-01", n)["close"].to_list() for n in (1, 2, 3)]
    assert closes == [[1.0, 2.0], [9.0, 2.0, 3.0], [9.0, 2.0]]
    assert lake.read(KEPT, "sample")["close"].to_list() == closes[-1]


def test_rows_that_are_only_added_begin_no_version(lake):
    lake.write(KEPT, "sample", TWO[:1])
    lake.write(KEPT, "sample", TWO[1:])
    (version,) = lake.versions(KEPT, "sample", "2011-01")
    assert (version.number, version.rows) == (1, 2)


def test_a_table_that_can_be_made_again_keeps_no_versions(lake, place):
    lake.write(PRICES, "sample", TWO)
    lake.write(PRICES, "sample", TWO.with_columns(close=pl.col("close") + 1))
    assert [version.number for version in lake.versions(PRICES, "sample", "2011-01")] == [1]
    assert len(place.files(MONTH)) == 2


def test_an_earlier_version_shares_the_files_that_did_not_change(place):
    lake = place.lake(most_rows_of_a_file=40)
    lake.write(KEPT, "sample", many_rows(20, 10))
    before = len(place.files(MONTH))
    lake.write(KEPT, "sample", many_rows(1, 1, date(2011, 1, 7), close=5))
    assert len(place.files(MONTH)) == before + 1


def test_versions_are_forgotten_from_the_oldest_and_their_files_go(lake, place):
    for close in range(1, 5):
        lake.write(KEPT, "sample", rows(("2011-01-03", "A", close), ("2011-02-01", "A", 1)))
    assert lake.prune_versions(KEPT, "sample", keep=1) == 2
    assert [v.number for v in lake.versions(KEPT, "sample", "2011-01")] == [3, 4]
    assert len(place.files(MONTH)) == 3
    assert lake.read_version(KEPT, "sample", "2011-01", 3)["close"].to_list() == [3.0]
    with pytest.raises(DataError, match=r"no version 2; kept are: 3, 4"):
        lake.read_version(KEPT, "sample", "2011-01", 2)
    assert lake.prune_versions(KEPT, "sample", keep=0, month="2011-01") == 1
    assert lake.prune_versions(KEPT, "sample", keep=0) == 0
    assert len(place.files(MONTH)) == 2
    with pytest.raises(DataError, match="cannot keep -1"):
        lake.prune_versions(KEPT, "sample", keep=-1)


def test_compacting_and_pruning_leave_the_kept_versions_readable(place):
    lake = place.lake(most_rows_of_a_file=20)
    lake.write(KEPT, "sample", many_rows(10, 10))
    lake.write(KEPT, "sample", many_rows(10, 10, close=2))
    place.lake(most_rows_of_a_file=1000).compact(KEPT, "sample")
    assert lake.read_version(KEPT, "sample", "2011-01", 1)["close"].to_list() == [1.0] * 100
    assert [v.number for v in lake.versions(KEPT, "sample", "2011-01")] == [1, 2]


def test_a_clock_notes_when_a_version_was_superseded(place):
    noon = datetime(2011, 2, 1, 12, tzinfo=UTC)
    lake = place.lake(clock=lambda: noon)
    lake.write(KEPT, "sample", TWO)
    lake.write(KEPT, "sample", TWO.with_columns(close=pl.col("close") + 1))
    first, second = lake.versions(KEPT, "sample", "2011-01")
    assert (first.superseded_at, second.superseded_at) == ("2011-02-01T12:00:00+00:00", None)


@settings(max_examples=25)
@given(
    batches=st.lists(
        st.dictionaries(
            st.tuples(st.dates(FIRST, date(2011, 1, 8)), st.sampled_from("AB")), st.integers(1, 2), min_size=1
        ),
        max_size=5,
    )
)
def test_every_version_is_what_the_table_was_before_a_correction(places, batches):
    lake = places.new("folder").lake(most_rows_of_a_file=3)
    now, past = {}, []
    for batch in batches:
        if any(key in now and now[key] != close for key, close in batch.items()):
            past.append(dict(now))
        now |= batch
        lake.write(
            KEPT, "sample", rows(*((str(day), symbol, close) for (day, symbol), close in batch.items()))
        )
    for number, expected in enumerate([*past, now] if now else [], start=1):
        found = lake.read_version(KEPT, "sample", "2011-01", number).iter_rows()
        assert {(day, symbol): close for day, symbol, close, _ in found} == expected


def test_the_content_id_follows_the_content_alone(places):
    one, two = places.new("folder").lake(), places.new("bucket").lake()
    one.write(KEPT, "sample", TWO[:1])
    half = one.content_id(KEPT, "sample")
    one.write(KEPT, "sample", TWO[1:])
    two.write(KEPT, "sample", TWO.with_columns(close=pl.lit(7.0)))
    two.write(KEPT, "sample", TWO)
    assert one.content_id(KEPT, "sample") == two.content_id(KEPT, "sample") != half


def derive(lake, start, end, **how):
    inputs = lake.inputs(KEPT, "sample", start, end)
    lake.write(DERIVED, "sample", lake.read(KEPT, "sample", start, end), inputs=inputs, **how)


def test_a_month_is_stale_when_what_it_was_made_from_has_changed(lake):
    lake.write(KEPT, "sample", pl.concat([TWO, rows(("2011-02-01", "A", 3))]))
    for start, end in ((FIRST, date(2011, 1, 31)), (date(2011, 2, 1), date(2011, 2, 28))):
        derive(lake, start, end)
    assert lake.stale(DERIVED, "sample") == []
    read = lake.inputs(KEPT, "sample", FIRST, FIRST)
    lake.write(KEPT, "sample", rows(("2011-01-04", "A", 5)))
    (stale,) = lake.stale(DERIVED, "sample")
    assert (stale.month, list(stale.changed)) == ("2011-01", read)
    derive(lake, FIRST, date(2011, 1, 31))
    assert lake.stale(DERIVED, "sample") == []


def test_a_month_made_of_nothing_is_stale_when_its_input_comes(lake):
    lake.write(KEPT, "sample", rows(("2011-01-31", "A", 1)))
    derive(lake, FIRST, date(2011, 2, 28))
    assert lake.stale(DERIVED, "sample") == []
    lake.write(KEPT, "sample", rows(("2011-02-01", "A", 1)))
    (stale,) = lake.stale(DERIVED, "sample")
    assert stale.changed == (Input("prices", "sample", "2011-02", ""),)
    lake.remove_months(KEPT, "sample", ["2011-01", "2011-02"])
    (stale,) = lake.stale(DERIVED, "sample")
    assert [one.month for one in stale.changed] == ["2011-01"]


def test_a_month_of_which_a_part_was_made_anew_is_as_stale_as_its_other_part(lake):
    lake.write(KEPT, "sample", TWO)
    derive(lake, FIRST, date(2011, 1, 31))
    lake.write(KEPT, "sample", TWO.with_columns(close=pl.col("close") + 1))
    derive(lake, FIRST, FIRST, replacing=[FIRST])
    assert [one.month for one in lake.stale(DERIVED, "sample")] == ["2011-01"]
    derive(lake, FIRST, date(2011, 1, 4), replacing=[FIRST, date(2011, 1, 4)])
    assert lake.stale(DERIVED, "sample") == []


def test_inputs_that_changed_without_changing_the_result_are_noted(lake):
    lake.write(KEPT, "sample", TWO)
    derive(lake, FIRST, FIRST)
    before = lake.content_id(DERIVED, "sample")
    lake.write(KEPT, "sample", rows(("2011-01-04", "A", 7)))
    assert lake.stale(DERIVED, "sample")
    derive(lake, FIRST, FIRST)
    assert lake.stale(DERIVED, "sample") == []
    assert lake.content_id(DERIVED, "sample") == before


def test_what_nobody_noted_is_not_taken_for_fresh(lake):
    lake.write(DERIVED, "sample", TWO)
    (stale,) = lake.stale(DERIVED, "sample")
    assert (stale.month, stale.changed) == ("2011-01", ())
    lake.write(DERIVED, "sample", TWO, inputs=[])
    assert lake.stale(DERIVED, "sample") == []
    lake.write(DERIVED, "sample", rows(("2011-01-05", "A", 1)))
    assert len(lake.stale(DERIVED, "sample")) == 1
