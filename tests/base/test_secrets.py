"""A secret's value is shown by nothing but ``reveal``."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass, field

import pytest

from alluse_assets.base.errors import SecretError
from alluse_assets.base.secrets import Secret, resolve

VALUE = "k3y-zebra-91"


@dataclass(frozen=True)
class Fixed:
    """A source with one secret in it."""

    scheme: str = "fixed"
    secret: Secret = field(default_factory=lambda: Secret(VALUE))

    def read(self, place):
        return self.secret


def test_only_reveal_shows_a_secret():
    secret = Secret(VALUE)
    assert secret.reveal() == VALUE
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", format(secret, ">40"), "%s" % secret]  # noqa: UP031
    shown += [
        str([secret]),
        str({"key": secret}),
        repr(Fixed(secret=secret)),
        str(asdict(Fixed(secret=secret))),
    ]
    assert all("hidden" in text for text in shown)
    assert not any(VALUE in text for text in shown)


def test_a_secret_goes_into_no_json_and_no_pickle():
    with pytest.raises(TypeError) as in_json:
        json.dumps({"key": Secret(VALUE)})
    with pytest.raises(TypeError, match="not pickled") as in_pickle:
        pickle.dumps([Secret(VALUE)])
    assert VALUE not in f"{in_json.value}{in_pickle.value}"
    assert VALUE not in json.dumps({"key": Secret(VALUE)}, default=str)


def test_a_secret_has_no_attributes_to_look_into_and_does_not_change():
    with pytest.raises(TypeError):
        vars(Secret(VALUE))
    with pytest.raises(AttributeError):
        Secret(VALUE)._value = "other"
    with pytest.raises(TypeError):
        hash(Secret(VALUE))


def test_copies_of_a_secret_are_the_secret():
    secret = Secret(VALUE)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_secrets_compare_by_value_and_to_nothing_else():
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE


def test_a_log_line_and_a_traceback_do_not_hold_the_value(caplog):
    secret = resolve("fixed:anything", [Fixed()])
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("login with %s and %r", secret, {"token": secret})
        try:
            raise RuntimeError("login failed", secret)
        except RuntimeError as error:
            logging.getLogger("test").exception("no login")
            text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "hidden" in caplog.text
    assert VALUE not in caplog.text + text


@pytest.mark.parametrize("reference", [VALUE, f"other:{VALUE}", "fixed:", "", f":{VALUE}"])
def test_a_reference_of_no_known_scheme_is_refused_without_repeating_it(reference):
    with pytest.raises(SecretError) as caught:
        resolve(reference, [Fixed()])
    assert "fixed:..." in str(caught.value)
    assert VALUE not in str(caught.value)
