"""What a read does not need it does not open: the rest is destroyed before the plan is run."""

import os
from datetime import date, timedelta
from io import BytesIO

import polars as pl
import pyarrow.parquet as pq
import pytest

from alluse_assets.base.table_catalog import Column, Table
from tests.adapters.lake.places import Place

QUOTES = Table(
    "quotes",
    "Quotes.",
    "a contract in a session",
    "core",
    ("session", "contract_symbol"),
    (
        Column("session", pl.Date, "Session."),
        Column("contract_symbol", pl.String, "Contract."),
        Column("underlying", pl.String, "Ticker."),
        Column("bid", pl.Float64, "Bid."),
        Column("ask", pl.Float64, "Ask."),
    ),
)
DAY = date(2011, 2, 8)
EACH = 12_000


@pytest.fixture(scope="module")
def chain():
    """Three months of three sessions, a session in more than one row group."""
    days = [date(2011, month, 7 + n) for month in (1, 2, 3) for n in range(3)]
    base = pl.DataFrame({"number": pl.int_range(EACH * 4, eager=True)}).with_columns(
        underlying=pl.format("TICK{}", pl.col("number") // EACH),
        bid=pl.col("number") / 7,
        ask=pl.col("number") / 6,
    )
    named = base.with_columns(contract_symbol=pl.format("{}C{}", "underlying", pl.col("number") + 10**6))
    return pl.concat([named.with_columns(session=pl.lit(day)) for day in days]).select(QUOTES.names)


def destroy(place: Place, path: str, keep: set[tuple[int, str]]) -> int:
    """Overwrite the pages of every column chunk that is not kept, by row group and column; how many."""
    content = bytearray(place.files()[path])
    metadata, destroyed = pq.ParquetFile(BytesIO(bytes(content))).metadata, 0
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            if (group, chunk.path_in_schema) in keep:
                continue
            first = chunk.dictionary_page_offset or chunk.data_page_offset
            size = chunk.total_compressed_size
            content[first : first + size] = os.urandom(size)
            destroyed += 1
    place.put(path, bytes(content))
    return destroyed


def groups_of(place: Place, path: str, wanted) -> set[int]:
    """Row groups whose bounds allow a row of a session and underlying."""
    metadata = pq.ParquetFile(BytesIO(place.files()[path])).metadata
    found = set()
    for group in range(metadata.num_row_groups):
        bounds = {
            chunk.path_in_schema: (chunk.statistics.min, chunk.statistics.max)
            for chunk in (metadata.row_group(group).column(n) for n in range(metadata.num_columns))
        }
        if all(bounds[name][0] <= value <= bounds[name][1] for name, value in wanted.items()):
            found.add(group)
    return found


def test_one_session_and_underlying_opens_its_months_file_its_row_groups_and_its_columns(place, chain):
    lake = place.lake()
    lake.write(QUOTES, "sample", chain)
    wanted = {"session": DAY, "underlying": "TICK2"}
    plan = lake.scan(
        QUOTES, "sample", DAY, DAY, columns=["underlying", "bid"], where=pl.col("underlying") == "TICK2"
    )
    expected = chain.filter(session=DAY, underlying="TICK2").select("underlying", "bid")
    opened = [one.rpartition("/")[2] for one in lake.files(QUOTES, "sample", DAY, DAY)]
    needed = {"session", "underlying", "bid"}
    assert len(opened) == 1
    for path in place.files():
        name = path.rpartition("/")[2]
        if not name.endswith(".parquet"):
            continue
        if name not in opened:
            place.delete(path)
            continue
        groups = groups_of(place, path, wanted)
        every = pq.ParquetFile(BytesIO(place.files()[path])).metadata.num_row_groups
        assert 0 < len(groups) < every / 2
        destroyed = destroy(place, path, {(group, column) for group in groups for column in needed})
        assert destroyed == every * 5 - len(groups) * 3
    assert plan.collect().equals(expected)


def test_a_page_that_is_needed_and_destroyed_is_noticed(place, chain):
    """The proof above would prove nothing if a destroyed page could be read."""
    lake = place.lake()
    lake.write(QUOTES, "sample", chain)
    plan = lake.scan(QUOTES, "sample", DAY, DAY, columns=["bid"])
    (path,) = (one for one in place.files("quotes/source=sample/month=2011-02") if "part" in one)
    destroy(place, path, set())
    with pytest.raises(pl.exceptions.PolarsError):
        plan.collect()


def test_the_plan_names_the_months_files_its_columns_and_its_filter(lake, chain):
    lake.write(QUOTES, "sample", chain)
    plan = lake.scan(QUOTES, "sample", DAY, DAY + timedelta(20), columns=["bid"]).explain()
    assert plan.count(".parquet") == 1
    assert "month=2011-02" in plan
    assert "PROJECT 2/5 COLUMNS" in plan
    assert "SELECTION" in plan
