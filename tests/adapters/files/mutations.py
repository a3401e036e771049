"""Ways in which files go wrong: of their tables, and of their bytes. Each takes a seeded Random."""

import csv
import gzip
import io
from random import Random

import polars as pl

CELLS = (
    *(
        "",
        " ",
        "abc",
        "NaN",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "-1",
        "0",
        "-",
        "N/A",
        "12,5",
        "1,234.5",
        "$3.10",
    ),
    *(
        "99999999999999999999",
        "0.00001",
        "0000-00-00",
        "9999-12-31",
        "2021-02-30",
        "31/12/2021",
        "1969-07-20",
    ),
    *(
        "2021-12-01T21:00:00",
        "True",
        "C",
        "P",
        "call",
        "Ünïcode",
        "a\u0000b",
        "x" * 500,
        '"',
        "'",
        "4.2.1",
        "+5",
    ),
)
DTYPES = (pl.String, pl.Int8, pl.Boolean, pl.Date, pl.Datetime("ns"), pl.Float32, pl.Binary, pl.Categorical)

Table = list[list[str]]


def to_table(text: str) -> Table:
    return [row for row in csv.reader(io.StringIO(text)) if row]


def to_text(table: Table, delimiter: str = ",") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(table)
    return buffer.getvalue()


def _place(table: Table, random: Random) -> tuple[int, int]:
    row = random.randrange(min(1, len(table) - 1), len(table))
    return row, random.randrange(len(table[row]))


def wrong_cell(table: Table, random: Random) -> None:
    row, column = _place(table, random)
    table[row][column] = random.choice(CELLS)


def wrong_column(table: Table, random: Random) -> None:
    column = random.randrange(len(table[0]))
    for row in table[1:]:
        if column < len(row):
            row[column] = random.choice(CELLS)


def dropped_column(table: Table, random: Random) -> None:
    column = random.randrange(len(table[0]))
    for row in table:
        del row[column : column + 1]


def doubled_column(table: Table, random: Random) -> None:
    column = random.randrange(len(table[0]))
    for row in table:
        row.extend(row[column : column + 1])


def renamed_column(table: Table, random: Random) -> None:
    table[0][random.randrange(len(table[0]))] = random.choice(["", "x", "bid", " Strike "])


def swapped_columns(table: Table, random: Random) -> None:
    """Bid and ask, where there are; else any two. The names stay where they are."""
    names = [name.strip(" []").lower() for name in table[0]]
    pairs = [
        (names.index(name), names.index(name.replace("bid", "ask")))
        for name in names
        if "bid" in name and name.replace("bid", "ask") in names
    ]
    one, other = random.choice(pairs) if pairs else random.sample(range(len(names)), 2)
    for row in table[1:]:
        if max(one, other) < len(row):
            row[one], row[other] = row[other], row[one]


def shuffled_rows(table: Table, random: Random) -> None:
    body = table[1:]
    random.shuffle(body)
    table[1:] = body


def doubled_row(table: Table, random: Random) -> None:
    row, _ = _place(table, random)
    table.insert(random.randrange(1, len(table) + 1), list(table[row]))


def contradicting_row(table: Table, random: Random) -> None:
    row, column = _place(table, random)
    table.append(list(table[row]))
    table[-1][min(column, len(table[-1]) - 1)] = "3.33"


def lost_cell(table: Table, random: Random) -> None:
    row, column = _place(table, random)
    if len(table[row]) > 1:
        del table[row][column]


def no_rows(table: Table, random: Random) -> None:
    del table[1:]


OF_TABLES = (
    *(wrong_cell, wrong_cell, wrong_column, dropped_column, doubled_column, renamed_column, swapped_columns),
    *(shuffled_rows, doubled_row, contradicting_row, lost_cell, no_rows),
)


def as_it_is(data: bytes, random: Random) -> bytes:
    return data


def cut_off(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 20))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def stretch_of_zeros(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    length = random.randrange(64)
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def empty(data: bytes, random: Random) -> bytes:
    return b""


def doubled(data: bytes, random: Random) -> bytes:
    return data + data


OF_BYTES = (as_it_is, cut_off, flipped, stretch_of_zeros, empty, doubled)


def utf_16(data: bytes, random: Random) -> bytes:
    return data.decode("utf-8", errors="replace").encode(random.choice(("utf-16", "utf-16-le")))


def latin_1(data: bytes, random: Random) -> bytes:
    text = data.decode("utf-8", errors="replace")
    place = random.randrange(len(text) + 1)
    return (text[:place] + "é" + text[place:]).encode("latin-1", errors="replace")


def with_mark(data: bytes, random: Random) -> bytes:
    return b"\xef\xbb\xbf" + data


def windows_lines(data: bytes, random: Random) -> bytes:
    return data.replace(b"\n", b"\r\n")


OF_TEXT = (*OF_BYTES, utf_16, latin_1, with_mark, windows_lines)


def gz_cut(data: bytes, random: Random) -> bytes:
    packed = gzip.compress(data, mtime=0)
    return packed if random.random() < 0.3 else random.choice((cut_off, flipped))(packed, random)


def mutated_frame(frame: pl.DataFrame, random: Random) -> pl.DataFrame:
    """A frame with something wrong: a column of another type or gone, or values that cannot be."""
    name = random.choice(frame.columns)
    dtype = frame.schema[name]
    choice = random.randrange(8)
    if choice == 0:
        return frame.drop(name)
    if choice == 1:
        try:
            return frame.with_columns(pl.col(name).cast(random.choice(DTYPES), strict=False))
        except pl.exceptions.PolarsError:
            return frame.drop(name)
    if choice == 2 and dtype.is_float():
        value = random.choice((float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e300))
        return frame.with_columns(
            pl.when(pl.int_range(pl.len()) == 0).then(value).otherwise(pl.col(name)).alias(name)
        )
    if choice == 3:
        return frame.with_columns(pl.lit(None, random.choice((dtype, pl.Null))).alias(name))
    if choice == 4 and {"bid", "ask"} <= set(frame.columns):
        return frame.rename({"bid": "ask", "ask": "bid"})
    if choice == 5:
        return frame.sample(fraction=1, shuffle=True, seed=random.randrange(1000))
    if choice == 6:
        return pl.concat([frame, frame.head(random.randrange(3))])
    if dtype.is_temporal():
        years = random.choice((-3000, -60, 60, 200, 200_000))
        return frame.with_columns(pl.col(name).dt.offset_by(f"{years}y"))
    return frame.head(0)
