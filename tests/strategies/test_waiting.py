"""What a book does not wait with until the next look at a market."""

from datetime import timedelta

import pytest

from alluse_assets.execution.rolling import place_roll
from alluse_assets.strategies.waiting import waiting_in
from tests.execution.roll_scene import AT, BOTH_WAYS, ended, engine, rolling


@BOTH_WAYS
def test_a_no_to_a_roll_ends_it_without_a_look_at_the_market(combined):
    book, close, sale = rolling("approve", combined=combined)
    place_roll(book.engine, close, sale)
    assert not waiting_in(book.recorder.state, AT).to_end
    book.answer(close, yes=False, at=AT)
    assert waiting_in(book.recorder.state, AT).to_end
    engine(book).end_unusable(AT)
    assert book.refusals() == ["approval@1"]
    assert not waiting_in(book.recorder.state, AT).to_end
    state, why = ended(book)
    assert (state, "Ann said no" in why) == ("UNCHANGED", True)


@pytest.mark.parametrize(("minutes", "ends"), [(0, False), (6, True)])
def test_a_question_about_a_roll_ends_with_its_time_without_a_look_at_the_market(minutes, ends):
    book, close, sale = rolling("approve", expires_after_minutes=5)
    place_roll(book.engine, close, sale)
    engine(book).end_unusable(AT + timedelta(minutes=minutes))
    assert (book.recorder.state.approvals == {}) is ends
