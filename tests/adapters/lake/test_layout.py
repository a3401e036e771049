"""Where rows lie depends on which rows there are, never on how they came."""

import json
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.lake.layout import cut
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Column, Table
from tests.adapters.lake.places import MONTH, PRICES, many_rows, rows

FIRST = date(2011, 1, 1)
# The date is no part of its key, as in the quarantine: a row can move to another day.
NOTES = Table(
    "prices",
    "Notes.",
    "a note",
    "raw",
    ("symbol",),
    (
        Column("ts", pl.Date, "Day.", nullable=True),
        Column("symbol", pl.String, "Name."),
        Column("close", pl.Float64, "Number.", nullable=True),
    ),
)
days_with_rows = st.dictionaries(st.dates(date(2011, 1, 1), date(2011, 1, 31)), st.integers(1, 9))


@given(counts=days_with_rows, most=st.integers(1, 40))
def test_every_day_is_in_one_file_and_a_file_has_few_rows_or_one_day(counts, most):
    groups = cut(counts, most)
    assert [day for days in groups for day in days] == sorted(counts)
    assert all(len(days) == 1 or sum(counts[day] for day in days) <= most for days in groups)


@given(counts=days_with_rows, most=st.integers(1, 40), new=st.dates(FIRST, date(2011, 1, 31)))
def test_a_day_that_grows_concerns_the_file_it_falls_into_and_no_other(counts, most, new):
    before, after = set(cut(counts, most)), set(cut({**counts, new: counts.get(new, 0) + 1}, most))
    gone, fresh = before - after, after - before
    assert len(gone) <= 1
    assert {day for days in fresh for day in days} <= {day for days in gone for day in days} | {new}


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_one_session_more_of_a_big_month_reads_and_writes_one_file(places, kind):
    more = many_rows(1, 30, date(2011, 1, 10))
    month = many_rows(20, 30).join(more, on="ts", how="anti")
    place, damaged = places.new(kind), places.new(kind)
    for one in (place, damaged):
        one.lake(most_rows_of_a_file=200).write(PRICES, "sample", month)
    before = place.state()
    lake = place.lake(most_rows_of_a_file=200)
    lake.write(PRICES, "sample", more)
    after = place.state()
    changed = {path for path in before if after.get(path) != before[path]}
    assert len(before) == 6
    assert len(set(after) - set(before)) == 1
    assert len(changed) == 2
    assert f"{MONTH}/manifest.json" in changed
    assert lake.read(PRICES, "sample").height == 600
    # Files that the session does not fall into cannot even be read.
    for path in set(before) - changed:
        damaged.put(path, b"destroyed")
    damaged.lake(most_rows_of_a_file=200).write(PRICES, "sample", more)
    assert set(damaged.files()) == set(after)


writes = st.lists(
    st.tuples(
        st.dictionaries(
            st.tuples(st.dates(date(2011, 1, 28), date(2011, 2, 4)), st.sampled_from("ABCD")),
            st.integers(1, 3),
            max_size=12,
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("kind", ["folder", "bucket"])
@settings(max_examples=10)
@given(writes=writes, most=st.integers(1, 12))
def test_equal_rows_give_equal_bytes_whatever_was_written_before(kind, places, writes, most):
    long, short = places.new(kind), places.new(kind)
    expected = {}
    for batch, replaces in writes:
        days = {day for day, _ in batch}
        frame = rows(*((str(day), symbol, close) for (day, symbol), close in batch.items()))
        long.lake(most_rows_of_a_file=most).write(
            PRICES, "sample", frame, replacing=days if replaces else None
        )
        if replaces:
            expected = {key: close for key, close in expected.items() if key[0] not in days}
        expected |= batch
    frame = rows(*((str(day), symbol, close) for (day, symbol), close in expected.items()))
    lake = short.lake(most_rows_of_a_file=most)
    lake.write(PRICES, "sample", frame)
    months = {f"{day:%Y-%m}" for day, _ in expected}
    left = {path: content for path, content in long.files().items() if path.split("=")[-1][:7] in months}
    assert left == short.files()
    assert lake.compact(PRICES, "sample") == []


def test_rows_of_different_days_that_share_a_key_are_refused(places):
    lake = places.new("folder").lake(most_rows_of_a_file=1)
    first, second = rows(("2011-01-03", "A", 1)), rows(("2011-01-04", "A", 2))
    with pytest.raises(DataError, match="2 rows share a key"):
        lake.write(NOTES, "sample", pl.concat([first, second]))
    lake.write(NOTES, "sample", first)
    with pytest.raises(DataError, match="2 rows share a key"):
        lake.write(NOTES, "sample", second, replacing=[date(2011, 1, 4)])


@settings(max_examples=30)
@given(
    batches=st.lists(
        st.dictionaries(
            st.sampled_from("ABCDEF"),
            st.tuples(st.one_of(st.none(), st.dates(FIRST, date(2011, 1, 9))), st.integers(1, 3)),
        ),
        max_size=4,
    )
)
def test_a_row_that_moves_to_another_day_of_its_month_leaves_its_old_one(places, batches):
    lake = places.new("folder").lake(most_rows_of_a_file=2)
    expected = {}
    for batch in batches:
        lake.write(
            NOTES,
            "sample",
            pl.DataFrame(
                {
                    "ts": [day for day, _ in batch.values()],
                    "symbol": list(batch),
                    "close": [float(number) for _, number in batch.values()],
                },
                schema=NOTES.schema,
            ),
        )
        for symbol, (day, number) in batch.items():
            expected[symbol, "unknown" if day is None else "2011-01"] = (day, float(number))
    found = {
        (symbol, "unknown" if day is None else "2011-01"): (day, number)
        for day, symbol, number in lake.read(NOTES, "sample").iter_rows()
    }
    assert found == expected


def test_compacting_lays_a_month_as_a_write_would_now(place):
    fine, coarse = place.lake(most_rows_of_a_file=20), place.lake(most_rows_of_a_file=10_000)
    fine.write(PRICES, "sample", many_rows(45, 10))
    rows_before, (one, _) = fine.read(PRICES, "sample"), fine.manifests(PRICES, "sample")
    assert len(one.files) > 10
    assert coarse.compact(PRICES, "sample", "2011-02") == ["2011-02"]
    assert coarse.compact(PRICES, "sample") == ["2011-01"]
    assert coarse.compact(PRICES, "sample") == []
    assert [len(manifest.files) for manifest in coarse.manifests(PRICES, "sample")] == [1, 1]
    assert coarse.read(PRICES, "sample").equals(rows_before)
    assert len(place.files(MONTH)) == 2


def test_a_month_of_the_first_writer_is_read_and_then_written_anew(place):
    """Before, a manifest named one file, sorted by the key alone, and knew nothing of days."""
    frame = many_rows(3, 4)
    lake = place.lake(most_rows_of_a_file=4)
    lake.write(PRICES, "sample", frame)
    wanted = place.files()
    whole = place.lake(most_rows_of_a_file=100)
    whole.compact(PRICES, "sample")
    manifest = json.loads(place.files()[f"{MONTH}/manifest.json"])
    (file,) = manifest["files"]
    old = {name: manifest[name] for name in ("table", "source", "month", "rows", "first", "last")}
    old |= {name: manifest[name] for name in ("schema_version", "columns")}
    old |= {"data_file": file["name"], "sha256": file["sha256"], "size_bytes": file["size_bytes"]}
    place.put(f"{MONTH}/manifest.json", json.dumps({**old, "writer": "alluse lake 1"}).encode())
    assert lake.read(PRICES, "sample").equals(PRICES.conform(frame))
    assert lake.read(PRICES, "sample", FIRST + timedelta(1), FIRST + timedelta(1)).height == 4
    lake.write(PRICES, "sample", frame[:1])
    assert place.files() == wanted
