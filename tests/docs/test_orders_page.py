"""The page on orders names every rule that an order is judged by, in its own words."""

from alluse_assets.execution import approvals
from alluse_assets.execution.gate import RULES
from tests.paths import ROOT

PAGE = ROOT / "docs" / "concepts" / "orders.md"


def rows_of_the_table():
    """The cells of the page's only table, below its head."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[1:]]


def test_the_table_has_every_rule_of_the_gate_and_of_approvals_with_its_sentence():
    gate = [(rule.id, rule.sentence) for rule in RULES]
    beside = [(name.partition("@")[0], sentence) for name, sentence in approvals.RULES.items()]
    assert rows_of_the_table() == gate + beside
