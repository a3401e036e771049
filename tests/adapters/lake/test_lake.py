import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.lake.manifest import Input
from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Column, Table
from tests.adapters.lake.places import MONTH, PRICES, rows

UNDATED = Table("lots", "Lots.", "a lot", "core", ("id",), (Column("id", pl.Int64, "Lot."),))


JANUARY = rows(("2011-01-04", "B", 2), ("2011-01-03", "A", 1), ("2011-02-01", "A", 3))


def test_rows_come_back_sorted_by_key_and_partitioned_by_month(lake):
    lake.write(PRICES, "sample", JANUARY)
    assert lake.months(PRICES, "sample") == ["2011-01", "2011-02"]
    assert lake.sources(PRICES) == ["sample"]
    assert lake.read(PRICES, "sample").equals(PRICES.conform(JANUARY.sort("ts", "symbol")))


def test_an_absent_table_reads_as_an_empty_one_with_its_columns(lake):
    assert lake.read(PRICES, "sample").schema == PRICES.schema


def test_a_range_a_column_list_and_a_filter_narrow_what_is_read(lake):
    lake.write(PRICES, "sample", JANUARY)
    assert len(lake.files(PRICES, "sample", date(2011, 1, 4), date(2011, 1, 31))) == 1
    found = lake.read(PRICES, "sample", date(2011, 1, 4), date(2011, 2, 1), columns=["close"])
    assert found.to_dict(as_series=False) == {"close": [2.0, 3.0]}
    assert lake.read(PRICES, "sample", where=pl.col("symbol") == "A").height == 2


def test_writing_the_same_rows_again_touches_no_file(lake, place):
    lake.write(PRICES, "sample", JANUARY)
    before = place.state()
    outcome = lake.write(PRICES, "sample", JANUARY.reverse())
    assert place.state() == before
    assert [(w.changed, w.rows_written, w.rows_unchanged) for w in outcome] == [(False, 0, 2), (False, 0, 1)]


def test_a_row_replaces_the_stored_row_of_its_key_and_no_other(lake):
    lake.write(PRICES, "sample", JANUARY)
    (outcome,) = lake.write(PRICES, "sample", rows(("2011-01-03", "A", 9), ("2011-01-04", "B", 2)))
    assert (outcome.rows_written, outcome.rows_unchanged) == (1, 1)
    assert lake.read(PRICES, "sample")["close"].to_list() == [9.0, 2.0, 3.0]


def test_replacing_some_rows_of_dates_leaves_the_others_and_takes_the_new_row_of_a_key(lake):
    lake.write(PRICES, "sample", rows(("2011-01-03", "A", 1), ("2011-01-03", "B", 2), ("2011-01-04", "A", 3)))
    lake.write(
        PRICES,
        "sample",
        rows(("2011-01-03", "B", 9), ("2011-01-03", "C", 7)),
        replacing=[date(2011, 1, 3)],
        only=pl.col("symbol") == "A",
    )
    found = lake.read(PRICES, "sample").select("ts", "symbol", "close").rows()
    assert found == [
        (date(2011, 1, 3), "B", 9.0),
        (date(2011, 1, 3), "C", 7.0),
        (date(2011, 1, 4), "A", 3.0),
    ]


def test_replacing_dates_drops_rows_that_are_no_longer_there(lake):
    lake.write(PRICES, "sample", JANUARY)
    days = [date(2011, 1, 4), date(2011, 2, 1)]
    lake.write(PRICES, "sample", rows(("2011-02-01", "C", 7)), replacing=days)
    assert lake.read(PRICES, "sample").rows() == [
        (date(2011, 1, 3), "A", 1.0, None),
        (date(2011, 2, 1), "C", 7.0, None),
    ]
    with pytest.raises(DataError, match="not of the dates being replaced"):
        lake.write(PRICES, "sample", JANUARY, replacing=days)


def test_a_month_that_nothing_came_of_is_there_when_asked_for_and_stale_when_its_inputs_change(lake):
    january = [date(2011, 1, 4)]
    read = [Input("raw", "sample", "2011-01", "")]
    nothing = PRICES.empty()
    lake.write(PRICES, "sample", nothing, replacing=january, inputs=read)
    assert lake.months(PRICES, "sample") == []
    lake.write(PRICES, "sample", nothing, replacing=january, inputs=read, even_empty=True)
    assert lake.months(PRICES, "sample") == ["2011-01"]
    assert lake.read(PRICES, "sample").is_empty()
    assert lake.files(PRICES, "sample") == []
    assert lake.stale(PRICES, "sample") == []
    lake.write(PRICES, "sample", rows(("2011-01-04", "MSFT", 3)))
    assert lake.read(PRICES, "sample")["symbol"].to_list() == ["MSFT"]


def test_a_month_that_is_removed_is_as_if_it_had_never_been_written(lake):
    lake.write(PRICES, "sample", rows(("2011-01-03", "AAPL", 1), ("2011-02-01", "AAPL", 2)))
    lake.remove_months(PRICES, "sample", ["2011-01", "1999-01"])
    assert lake.months(PRICES, "sample") == ["2011-02"]
    assert lake.read(PRICES, "sample")["close"].to_list() == [2.0]
    lake.write(PRICES, "sample", rows(("2011-01-04", "MSFT", 3)))
    assert lake.read(PRICES, "sample")["symbol"].to_list() == ["MSFT", "AAPL"]


def test_sources_and_books_do_not_mix(lake):
    lake.write(PRICES, "sample", JANUARY)
    lake.write(PRICES, "book=paper", JANUARY[:1])
    assert lake.sources(PRICES) == ["book=paper", "sample"]
    assert lake.read(PRICES, "book=paper").height == 1
    with pytest.raises(DataError, match="cannot name a source"):
        lake.read(PRICES, "../elsewhere")


def test_a_table_without_dates_is_one_partition(lake):
    lake.write(UNDATED, "book=a", pl.DataFrame({"id": [2, 1]}))
    assert lake.months(UNDATED, "book=a") == ["all"]
    assert lake.read(UNDATED, "book=a", date(2011, 1, 1), date(2011, 1, 2))["id"].to_list() == [1, 2]


def test_rows_that_share_a_key_are_refused(lake, place):
    with pytest.raises(DataError, match="2 rows share a key"):
        lake.write(PRICES, "sample", rows(("2011-01-03", "A", 1), ("2011-01-03", "A", 2)))
    assert not place.files()


def test_the_manifest_says_what_the_file_holds(lake, place):
    (outcome, _) = lake.write(PRICES, "sample", JANUARY)
    stored = json.loads(place.files()[f"{MONTH}/manifest.json"])
    assert stored["rows"] == 2
    assert (stored["first"], stored["last"]) == ("2011-01-03", "2011-01-04")
    assert stored["columns"]["close"] == "Float64"
    (file,) = stored["files"]
    content = place.files()[f"{MONTH}/{file['name']}"]
    assert (file["size_bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert file["days"] == {"2011-01-03": 1, "2011-01-04": 1}
    assert lake.manifests(PRICES, "sample")[0] == outcome.manifest


def test_a_month_that_was_written_before_a_table_got_a_column_is_named_with_what_to_do(lake):
    lake.write(PRICES, "sample", JANUARY)
    wider = replace(PRICES, columns=(*PRICES.columns, Column("open", pl.Float64, "Open.")))
    more = rows(("2011-01-05", "A", 2)).with_columns(open=pl.lit(2.0))
    with pytest.raises(DataError, match=r"month=2011-01.*missing column open.*remove the folder"):
        lake.write(wider, "sample", more)


@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "manifest", "another"])
def test_a_damaged_file_is_named_with_what_to_do(lake, place, damage):
    lake.write(PRICES, "sample", JANUARY)
    (data,) = (path for path in place.files(MONTH) if path.endswith(".parquet"))
    content = bytearray(place.files()[data])
    if damage == "cut":
        place.put(data, bytes(content[: len(content) // 2]))
    elif damage == "flip":
        content[10] ^= 1
        place.put(data, bytes(content))
    elif damage == "gone":
        place.delete(data)
    elif damage == "another":
        (other,) = (path for path in place.files("prices/source=sample/month=2011-02") if "part" in path)
        place.put(data, place.files()[other])
    else:
        place.put(f"{MONTH}/manifest.json", b"{")
    with pytest.raises(DataError, match=r"month=2011-01.*remove the folder.*fill it again"):
        lake.read(PRICES, "sample")
    with pytest.raises(DataError, match="remove the folder"):
        lake.write(PRICES, "sample", JANUARY[:1])
    assert lake.read(PRICES, "sample", start=date(2011, 2, 1)).height == 1


def test_what_a_killed_writer_left_is_cleaned_by_the_next_one(lake, place):
    lake.write(PRICES, "sample", JANUARY)
    place.put(f"{MONTH}/part-0123456789abcdef.parquet", b"half")
    place.put(f"{MONTH}/.77.1.tmp", b"{")
    assert lake.read(PRICES, "sample").height == 3
    lake.write(PRICES, "sample", rows(("2011-01-05", "A", 4)))
    assert sorted(path.rpartition(".")[2] for path in place.files(MONTH)) == ["json", "parquet"]


def test_a_manifest_of_a_later_writer_is_refused_with_what_to_do(lake, place):
    lake.write(PRICES, "sample", JANUARY)
    path = f"{MONTH}/manifest.json"
    place.put(path, place.files()[path].replace(b"alluse lake 2", b"alluse lake 9"))
    with pytest.raises(DataError, match=r"alluse lake 9.*update alluse"):
        lake.read(PRICES, "sample")


def test_a_column_added_to_the_table_reads_as_null_from_older_files(lake):
    lake.write(PRICES, "sample", JANUARY)
    wider = Table(
        PRICES.name,
        PRICES.description,
        PRICES.grain,
        PRICES.layer,
        PRICES.key,
        (*PRICES.columns, Column("note", pl.String, "Note.", nullable=True)),
    )
    assert lake.read(wider, "sample")["note"].null_count() == 3
    lake.write(wider, "sample", JANUARY[1:2].with_columns(note=pl.lit("seen")))
    assert lake.read(wider, "sample")["note"].to_list() == ["seen", None, None]


def test_writers_at_once_lose_no_row(place):
    lake = place.lake(alone=False)
    days = [date(2011, 1, 1) + timedelta(days=n) for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda day: lake.write(PRICES, "sample", rows((str(day), "A", 1))), days))
    assert lake.read(PRICES, "sample")["ts"].to_list() == days


batches = st.lists(
    st.dictionaries(
        st.tuples(st.dates(date(2011, 1, 30), date(2011, 2, 3)), st.sampled_from("AB")),
        st.integers(1, 3),
        max_size=6,
    ),
    max_size=4,
)


@pytest.mark.parametrize("kind", ["folder", "bucket"])
@given(batches=batches)
@settings(max_examples=12)
def test_after_any_writes_the_lake_holds_the_last_row_of_each_key(kind, places, batches):
    lake = places.new(kind).lake(most_rows_of_a_file=2)
    expected = {}
    for batch in batches:
        lake.write(PRICES, "sample", rows(*((str(d), s, close) for (d, s), close in batch.items())))
        expected |= batch
    found = {(day, symbol): close for day, symbol, close, _ in lake.read(PRICES, "sample").iter_rows()}
    assert found == expected
    assert sum(manifest.rows for manifest in lake.manifests(PRICES, "sample")) == len(expected)
