"""The four ATR levels of an open short option (protocol, section 4).

Adverse move = (underlying at the chain's first entry - underlying now) / ATR at first entry, for puts and
for covered calls alike: both lose when the shares fall. Compared without dividing, so that an edge is an
edge to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from alluse_assets.base.config.model_fields import Kind
from alluse_assets.base.config.model_protection import Action, ProtectionRules
from alluse_assets.protection.state import Chain

LEVEL_NAMES = ("normal", "enhanced", "recovery", "preservation")
ACTION_WORDS: Mapping[str, str] = {
    "faster_monitoring": "looked at more often",
    "halve_new_entries": "new entries in it are smaller",
    "prepare_roll": "a roll is kept ready",
    "roll": "to be rolled",
    "hedge": "index puts are bought",
    "refuse_new_entries": "no new entries in it",
    "refuse_new_puts": "no new puts on it",
    "close": "to be closed",
    "account_safe": "the account goes to SAFE",
    "keep": "kept",
    "ask_person": "what to do with the shares?",
}
"""What each action of a level is to a person, ``it`` being the symbol; the alerts themselves left out."""
_MULTIPLE = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class LevelReading:
    """What a chain's level is at a price. ``multiple`` is the adverse move in ATRs, for people.

    ``move_level``: the level of the move alone. ``triggers``: further triggers that raised it.
    """

    level: int
    multiple: Decimal
    move_level: int
    triggers: tuple[str, ...] = ()


def action_words(actions: Iterable[Action]) -> str:
    """The actions in plain words, without the alerts among them: ``to be rolled, no new entries in it``."""
    return ", ".join(ACTION_WORDS[action] for action in actions if action in ACTION_WORDS) or "no action"


def adverse_multiple(chain: Chain, price: Decimal) -> Decimal:
    """The adverse move in ATRs, rounded to four decimals; negative when the underlying rose."""
    return ((chain.anchor_price - price) / chain.anchor_atr).quantize(_MULTIPLE)


def read_level(
    chain: Chain,
    price: Decimal,
    rules: ProtectionRules,
    iv: Decimal | None = None,
    delta_points: Decimal | None = None,
) -> LevelReading:
    """The level of ``chain`` with the underlying at ``price`` USD.

    A level is reached at its edge and left downward only ``hysteresis_atr`` under it. Further triggers,
    where switched on, raise it by one level; what one looks at and is not known now is as it was.

    Args:
        chain: the chain, with the level it has.
        price: of the underlying now, in the same shares as the anchor, USD.
        rules: the edges.
        iv: implied volatility of its contract now; None where unknown.
        delta_points: absolute delta of its contract now, in points; None where unknown.
    """
    move = chain.anchor_price - price
    edges = (rules.level_1_atr, rules.level_2_atr, rules.level_3_atr)
    slack = Decimal(str(rules.hysteresis_atr))
    level = 0
    for number, edge in enumerate(edges, start=1):
        exact = Decimal(str(edge))
        reached = move >= exact * chain.anchor_atr
        kept = number <= chain.move_level and move > (exact - slack) * chain.anchor_atr
        if reached or kept:
            level = number
    triggers = _triggers(chain, price, rules, iv, delta_points)
    raised = min(3, level + 1) if triggers else level
    return LevelReading(raised, adverse_multiple(chain, price), level, triggers)


def actions_at(rules: ProtectionRules, kind: Kind, right: str, level: int) -> tuple[Action, ...]:
    """What the action table says of a level, for one kind of account and side; nothing at level 0."""
    table = rules.actions.of(kind)
    side = table.puts if right == "P" else table.calls
    if level == 0:
        return ()
    actions: tuple[Action, ...] = getattr(side, f"level_{level}")
    return actions


def watch_level(chains: Iterable[Chain], kinds: Mapping[str, Kind], rules: ProtectionRules) -> int:
    """The level that says how often to look: the highest of what is open, where looking faster is an action.

    ``faster_monitoring`` counts from the level that names it upward. ``kinds``: by account.
    """
    highest = 0
    for chain in chains:
        reached = range(1, chain.level + 1)
        names = (actions_at(rules, kinds[chain.account], chain.right, level) for level in reached)
        if chain.contracts and any("faster_monitoring" in actions for actions in names):
            highest = max(highest, chain.level)
    return highest


def monitoring_minutes(rules: ProtectionRules, highest_level: int) -> int:
    """Minutes between two looks at a book whose highest level is this."""
    minutes: int = getattr(rules.monitoring_minutes, f"level_{highest_level}")
    return minutes


def _triggers(
    chain: Chain, price: Decimal, rules: ProtectionRules, iv: Decimal | None, delta_points: Decimal | None
) -> tuple[str, ...]:
    on, found = rules.triggers, []
    if on.iv_rise_enabled and chain.anchor_iv is not None:
        edge = chain.anchor_iv * (1 + Decimal(str(on.iv_rise_share)))
        if "iv_rise" in chain.triggers if iv is None else iv >= edge:
            found.append("iv_rise")
    if on.delta_enabled:
        over = Decimal(str(on.delta_over))
        if "delta" in chain.triggers if delta_points is None else delta_points > over:
            found.append("delta")
    if on.trailing_stop_enabled and (
        max(chain.best_price, chain.anchor_price) - price
        >= Decimal(str(on.trailing_stop_atr)) * chain.anchor_atr
    ):
        found.append("trailing_stop")
    return tuple(found)
