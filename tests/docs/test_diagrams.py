"""The diagrams in the docs are drawn from the code: a difference fails and prints the block to paste.

``UPDATE_DOCS=1 pytest tests/docs`` writes them instead.
"""

import os
import re

import pytest

from alluse_assets.execution.lifecycle import TERMINAL, TRANSITIONS, OrderState
from tests.paths import ROOT

ARCHITECTURE = ROOT / "docs/concepts/architecture.md"
ORDERS = ROOT / "docs/concepts/orders.md"


def asset_graph() -> str:
    """The assets by group with what each is made from, as Mermaid."""
    from alluse_assets.definitions import build_defs

    graph = build_defs(book="sample").resolve_asset_graph()
    groups: dict[str, list[str]] = {}
    edges = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda k: k.to_user_string()):
        node = graph.get(key)
        groups.setdefault(node.group_name or "", []).append(key.path[-1])
        edges += [
            f"  {parent.path[-1]} --> {key.path[-1]}"
            for parent in sorted(node.parent_keys, key=lambda k: k.to_user_string())
            if parent != key
        ]
    lines = ["flowchart LR"]
    for group in sorted(groups):
        lines += [f"  subgraph group_{group}[{group}]", *(f"    {name}" for name in groups[group]), "  end"]
    return "\n".join(lines + edges)


def order_states() -> str:
    """The order table as a Mermaid state diagram."""
    merged: dict[tuple[OrderState, OrderState], list[str]] = {}
    for (before, step), after in TRANSITIONS.items():
        merged.setdefault((before, after), []).append(step.value)
    lines = ["stateDiagram-v2", "  [*] --> CREATED"]
    lines += [f"  {b.value} --> {a.value}: {', '.join(steps)}" for (b, a), steps in merged.items()]
    lines += [f"  {state.value} --> [*]" for state in OrderState if state in TERMINAL]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("page", "name", "draw"),
    [(ARCHITECTURE, "asset graph", asset_graph), (ORDERS, "order states", order_states)],
    ids=["asset graph", "order states"],
)
def test_the_diagram_is_what_the_code_is(page, name, draw):
    text = page.read_text()
    pattern = re.compile(rf"(<!-- drawn: {name} -->\n```mermaid\n)(.*?)(\n```)", re.DOTALL)
    assert pattern.search(text), f"{page} has no block for the {name}"
    drawn = draw()
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(pattern.sub(lambda m: m[1] + drawn + m[3], text))
    elif pattern.search(text)[2] != drawn:
        pytest.fail(f"{page.relative_to(ROOT)} shows another {name}; run: UPDATE_DOCS=1 pytest tests/docs")
