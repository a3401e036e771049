"""A book that is walked in real time is read by its asset, never replayed."""

from types import SimpleNamespace

import pytest

from alluse_assets.orchestration.resources import Desk
from tests.book_maker import InMemoryJournal


@pytest.mark.parametrize(("kind", "is_walked"), [("replay", False), ("paper", True), ("live", True)])
def test_only_a_replay_s_book_is_traded_by_its_asset(kind, is_walked):
    store = InMemoryJournal()
    store.create_book("b", kind)
    progress = SimpleNamespace(step=lambda *_: None)
    assert Desk(SimpleNamespace(store=store), "b", "sample", progress).is_walked is is_walked
    assert Desk(SimpleNamespace(store=store), "new", "sample", progress).is_walked is False
