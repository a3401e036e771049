"""A person's name: one person has one, and nobody is two people by writing it otherwise."""

import pytest

from alluse_assets.base.errors import ApprovalError
from alluse_assets.base.person import is_same_person, person_actor, person_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("ann", "ann"),
        ("  Ann   Lee ", "Ann Lee"),
        ("Zoë", "Zoë"),
        ("ａｎｎ", "ann"),
        ("CORP\\ann", "CORP\\ann"),
    ],
)
def test_a_name_is_kept_without_what_nobody_sees(given, name):
    assert person_name(given, ApprovalError) == name


@pytest.mark.parametrize(
    "given", ["", "  ", "person:ann", "rule:x", "ann:", "an\u200bn", "an\x07n", "\udcff"]
)
def test_what_is_no_name_is_refused_with_what_to_do(given):
    with pytest.raises(ApprovalError, match=r"is no person's name.*say who you are"):
        person_name(given, ApprovalError)


@pytest.mark.parametrize("asker", ["person:ann", "person:Ann", "person: ann", "person:person:ann"])
def test_one_person_is_the_same_however_the_journal_has_the_name(asker):
    assert is_same_person("aNN", asker)


@pytest.mark.parametrize("asker", ["person:bob", "rule:ann", "policy:ann"])
def test_another_person_and_a_rule_are_somebody_else(asker):
    assert not is_same_person("ann", asker)
    assert person_actor("ann") == "person:ann"
