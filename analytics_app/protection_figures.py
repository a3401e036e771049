"""The rows of the page on protection, from a book's tables at a close. Pure: nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from alluse_assets.base.calendar import NEW_YORK
from analytics_app.protocol_words import (
    ACTION_TEXT,
    CAUSE_TEXT,
    LIFT_TEXT,
    ROLL_STATE_TEXT,
    ROLL_TEXT,
    STOP_TEXT,
    TIER_TEXT,
    TRIGGER_TEXT,
    contract_text,
    level_text,
    new_york,
    script_text,
    words,
)

_NEW_YORK = str(NEW_YORK)
SIDE_TEXT = {"P": "put", "C": "covered call"}


@dataclass(frozen=True, slots=True)
class HoldShown:
    """One thing that holds an account. ``may_lift`` and ``ends_when`` are sentences."""

    state: str
    why: str
    since: datetime
    placed_by: str
    may_lift: str
    ends_when: str


@dataclass(frozen=True, slots=True)
class AccountShown:
    """An account at a close.

    Attributes:
        account: its name.
        state: ACTIVE, or the strictest state that something holds it in.
        holds: what holds it, as far as it is known.
        unexplained: names of what holds it of which no more is known.
        drawdown: unit value / high-water mark - 1, not above zero; None where no close is known.
        pivot: what the drawdown pivot does, in words; empty: nothing.
        others: what else limits it, in words.
    """

    account: str
    state: str
    holds: tuple[HoldShown, ...]
    unexplained: tuple[str, ...]
    drawdown: float | None
    pivot: str
    others: tuple[str, ...]


def accounts_at(
    states: pl.DataFrame,
    holds: pl.DataFrame,
    stops: pl.DataFrame,
    net_asset_value: pl.DataFrame,
    session: date,
) -> list[AccountShown]:
    """Every account at the close of ``session``, by name. The arguments are whole tables."""
    held = open_at(holds, session, "placed_at", "lifted_at")
    stopped = open_at(stops, session, "began_at", "ended_at")
    values = net_asset_value.filter(pl.col("session") <= session).sort("session")
    found = []
    for row in states.filter(pl.col("session") == session).sort("account").iter_rows(named=True):
        name = row["account"]
        own = values.filter(pl.col("account") == name)
        pivots = stopped.filter(kind="drawdown_pivot", account=name).rows(named=True)
        found.append(
            AccountShown(
                name,
                row["state"],
                tuple(
                    _hold(one) for one in held.filter(account=name).sort("placed_at").iter_rows(named=True)
                ),
                tuple(sorted(set(row["holds"]) - set(held.filter(account=name)["hold"]))),
                own["drawdown"][-1] if own.height else None,
                _pivot_text(row, pivots[-1]["until"] if pivots else None),
                _others(row, stopped.filter(kind="cool_off", account=name)),
            )
        )
    return found


def open_at(rows: pl.DataFrame, session: date, began: str, ended: str) -> pl.DataFrame:
    """The rows that had begun by the end of ``session`` in New York and had not ended by then."""
    first = pl.col(began).dt.convert_time_zone(_NEW_YORK).dt.date()
    last = pl.col(ended).dt.convert_time_zone(_NEW_YORK).dt.date()
    return rows.filter(first <= session, pl.col(ended).is_null() | (last > session))


def _hold(row: dict[str, object]) -> HoldShown:
    who: list[str] = row["may_lift"]  # type: ignore[assignment]
    may = " or ".join(LIFT_TEXT[one] for one in sorted(who, reverse=True)) or "nobody: it is final"
    if {"rule", "person"} <= set(who):
        # A person ends by name what a rule placed.
        may = may.replace("`alluse resume`", f"`alluse resume --hold {row['hold']}`")
    return HoldShown(
        str(row["state"]),
        str(row["why"]),
        row["placed_at"],  # type: ignore[arg-type]
        str(row["placed_by"]),
        may,
        str(row["ends_when"] or ""),
    )


def _pivot_text(row: dict[str, object], until: date | None) -> str:
    if not row["in_drawdown_pivot"]:
        return ""
    if row["puts_resumed"]:
        return "in its drawdown pivot, with puts at a part of their size"
    later = f"; puts may resume from {until} where there are no shares" if until else ""
    return f"in its drawdown pivot: calls only{later}"


def _others(row: dict[str, object], cooling: pl.DataFrame) -> tuple[str, ...]:
    cool_offs = [
        f"{one['symbol']} keeps level {one['level']} until {one['until']}"
        for one in cooling.sort("symbol").iter_rows(named=True)
    ]
    deep: list[str] = row["deep_drawdowns"]  # type: ignore[assignment]
    return (*cool_offs, *(f"no new puts on {symbol}: deep drawdown" for symbol in deep))


def positions_with_levels(contracts: pl.DataFrame, levels: pl.DataFrame, session: date) -> pl.DataFrame:
    """Every open short option at the close of ``session``, with its chain; the most endangered first.

    An option that no chain protects has no level, and comes before all others. A chain whose contracts are
    not known, because a lake is older than their table, is shown all the same.
    """
    chains = levels.filter(pl.col("session") == session).drop("session")
    return (
        contracts.filter(pl.col("session") == session)
        .join(chains, on=["account", "chain"], how="full", coalesce=True, suffix="_of_chain")
        .with_columns(
            contracts=pl.coalesce("contracts", "contracts_of_chain"),
            holding=_each("contract", contract_text).fill_null(pl.col("symbol") + ", contract not known"),
            side=pl.col("right").replace(SIDE_TEXT),
            level_text=_each("level", level_text).fill_null("none: watch it by hand"),
            credit=pl.col("credit").cast(pl.Float64),
        )
        .sort(
            *("level", "multiple", "account", "contract"),
            descending=[True, True, False, False],
            nulls_last=False,
        )
    )


def level_changes_until(changes: pl.DataFrame, session: date) -> pl.DataFrame:
    """Every change of a level up to ``session``, newest first, in words."""
    return (
        changes.filter(pl.col("session") <= session)
        .with_columns(
            when=new_york("changed_at"),
            side=pl.col("right").replace(SIDE_TEXT),
            change=pl.format("{} → {}", "level_from", _each("level_to", level_text)),
            does=_each("actions", lambda names: words(names, ACTION_TEXT)),
            because=_each("triggers", lambda names: words(names, TRIGGER_TEXT)),
            orders=_each("script", script_text),
        )
        .sort("changed_at", "account", "chain", descending=[True, False, False])
    )


def rolls_until(rolls: pl.DataFrame, session: date) -> pl.DataFrame:
    """Every roll that was due up to ``session``, newest first, in words."""
    return (
        rolls.filter(pl.col("session") <= session)
        .with_columns(
            when=new_york("decided_at"),
            what=_each("contract", contract_text),
            into=_each("to", contract_text),
            because=_each("cause", lambda cause: words([cause], CAUSE_TEXT)),
            came=_each("state", lambda state: words([state], ROLL_STATE_TEXT)),
            is_made=pl.col("state").is_in(["ROLLED", "ROLLING"]),
            reason=pl.when(pl.col("why").is_not_null())
            .then("why")
            .when(pl.col("state") == "UNCHANGED")
            .then(_each("outcome", lambda outcome: words([outcome], ROLL_TEXT)))
            .otherwise(pl.lit("")),
            chain_credit=pl.col("chain_credit").cast(pl.Float64),
        )
        .sort("decided_at", "account", "contract", descending=[True, False, False])
    )


def stops_until(stops: pl.DataFrame, session: date) -> pl.DataFrame:
    """What limited entries up to ``session``, newest first, in words."""
    ended = pl.col("ended_at").dt.convert_time_zone(_NEW_YORK).dt.date() <= session
    return (
        stops.filter(pl.col("session") <= session)
        .with_columns(
            what=_each("kind", lambda kind: words([kind], STOP_TEXT)),
            account=pl.col("account").fill_null("all accounts"),
            symbol=pl.col("symbol").fill_null("all"),
            began=new_york("began_at"),
            ended=pl.when(ended).then(new_york("ended_at")),
            still=~ended.fill_null(False),
            measured=pl.struct("kind", "measure", "level", "is_stale").map_elements(
                _measured, return_dtype=pl.String
            ),
        )
        .sort("still", "began_at", "stop", descending=[True, True, False])
    )


def _measured(row: dict[str, object]) -> str:
    value, kind = row["measure"], row["kind"]
    if kind == "cool_off":
        return f"level {row['level']} is kept"
    if kind == "vix_breaker":
        tier = TIER_TEXT[int(str(row["level"]))]
        vix = "unknown" if value is None else f"{value:.2f}"
        return f"{tier}: VIX {vix}{', stale' if row['is_stale'] else ''}"
    under = "the strike" if kind == "deep_drawdown" else "the high-water mark"
    return f"{value:.1%} under {under}"


def _each(column: str, text: object) -> pl.Expr:
    return pl.col(column).map_elements(text, return_dtype=pl.String)  # type: ignore[arg-type]
