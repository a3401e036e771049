"""``alluse price``: a file of option quotes in, the same with volatilities, Greeks and values out."""

from __future__ import annotations

import json
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from alluse_assets.adapters.files.quote_files import PricingReport, price_quote_file
from alluse_assets.option_chains.priced_quotes import ANSWERS, PricingTerms


class Model(StrEnum):
    """How the options may be exercised."""

    american = "american"
    european = "european"


def price_command(
    path: Annotated[
        Path,
        typer.Option(
            "--in",
            help="Parquet or CSV with underlying_price or spot; strike; right (C or P); expiry and quote_ts, "
            "or years; bid and ask, or price.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Parquet or CSV to write; an older one is replaced, whole or not.")
    ],
    model: Annotated[
        Model | None,
        typer.Option(
            "--model", help="For all rows. Default: the file's exercise_style, american where it has none."
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            "--rate", help="Per year, 0.05 is 5%, -0.05 to 0.5; the file's rate_annual goes before."
        ),
    ] = 0.0,
    dividend_yield: Annotated[
        float,
        typer.Option(
            "--dividend-yield", help="Per year, -1 to 1; the file's dividend_yield_annual goes before."
        ),
    ] = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Add implied volatility with its status, the Greeks and the model's value to each quote of a file."""
    began = time.monotonic()
    terms = PricingTerms(model.value if model else None, rate, dividend_yield)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"price {path.name}", total=None)
        report = price_quote_file(
            path,
            out,
            terms,
            threads=os.cpu_count() or 1,
            on_rows=lambda done, total: progress.update(task, completed=done, total=total),
        )
    seconds = round(time.monotonic() - began, 3)
    used = _used(report, terms)
    if as_json:
        answer = {"path": str(out), "rows": report.rows, "iv_status": report.statuses, **used}
        typer.echo(json.dumps({**answer, "seconds": seconds}))
        return
    console = Console(soft_wrap=True)
    console.print(_as_table(report, path))
    said = ", ".join(f"{name} {value}" for name, value in used.items() if value != [])
    console.print(f"{out}: {report.rows:,} rows in {seconds:.1f} s; {said}")


def _used(report: PricingReport, terms: PricingTerms) -> dict[str, object]:
    """What the rows were priced with: the file's column where it has one, else the option or its default.

    And which columns of the file gave way to ours of the same name.
    """
    choices = {
        "rate_annual": terms.rate,
        "dividend_yield_annual": terms.dividend_yield,
        "exercise_style": terms.model or "american",
    }
    overruled = {"exercise_style"} if terms.model else set()
    own = set(report.columns) - overruled
    used = {name: "of the file" if name in own else value for name, value in choices.items()}
    return {**used, "replaced": [name for name in (*overruled, *ANSWERS) if name in report.columns]}


def _as_table(report: PricingReport, path: Path) -> Table:
    table = Table("iv_status", "rows", title=path.name, title_justify="left")
    table.columns[1].justify = "right"
    for status, count in report.statuses.items():
        table.add_row(status, f"{count:,}")
    return table
