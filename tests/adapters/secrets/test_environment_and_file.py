"""Secrets from variables and from files that only their owner can read."""

import os

import pytest

from alluse_assets.adapters.secrets import EnvironmentSource, FileSource, secret_sources
from alluse_assets.base.errors import SecretError
from alluse_assets.base.secrets import resolve

VALUE = "k3y-zebra-91"


@pytest.fixture
def secret_file(tmp_path):
    def write(content=b"k3y-zebra-91\n", mode=0o600):
        path = tmp_path / "secret"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


def refusal(source, place):
    with pytest.raises(SecretError) as caught:
        source.read(str(place))
    assert VALUE not in str(caught.value)
    assert VALUE not in repr(caught.value.__cause__)
    return str(caught.value)


def test_references_find_their_source(secret_file):
    sources = secret_sources({"BROKER_KEY": "from-the-environment"})
    assert resolve("env:BROKER_KEY", sources).reveal() == "from-the-environment"
    assert resolve(f"file:{secret_file()}", sources).reveal() == VALUE


def test_a_variable_that_is_unset_or_empty_is_refused_by_name():
    assert "env:BROKER_KEY: the variable is not set" in refusal(EnvironmentSource({}), "BROKER_KEY")
    assert "env:BROKER_KEY" in refusal(EnvironmentSource({"BROKER_KEY": ""}), "BROKER_KEY")


def test_what_is_no_variable_name_is_not_repeated():
    assert "variable's name" in refusal(EnvironmentSource({}), f"{VALUE}!")


def test_the_environment_is_not_in_the_sources_repr():
    assert VALUE not in repr(secret_sources({"BROKER_KEY": VALUE}))


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"a b \n", "a b "), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b"a", "a"), ("clé".encode(), "clé")],
)
def test_one_line_end_is_not_part_of_the_secret(secret_file, content, value):
    assert FileSource().read(str(secret_file(content))).reveal() == value


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_a_file_open_to_others_is_refused_with_the_command_that_closes_it(secret_file, mode):
    path = secret_file(mode=mode)
    message = refusal(FileSource(), path)
    assert f"mode {mode:04o}" in message
    assert f"chmod 600 {path}" in message


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_alone_is_read(secret_file, mode):
    assert FileSource().read(str(secret_file(mode=mode))).reveal() == VALUE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (VALUE.encode() + b"\xff", "no UTF-8"),
        (b"x" * 65_537, "65537 bytes"),
    ],
)
def test_a_file_without_a_usable_secret_is_refused(secret_file, content, words):
    assert words in refusal(FileSource(), secret_file(content))


def test_a_missing_file_a_folder_a_pipe_and_a_relative_path_are_refused(tmp_path):
    assert "cannot be opened: No such file" in refusal(FileSource(), tmp_path / "none")
    assert "no ordinary file" in refusal(FileSource(), tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "no ordinary file" in refusal(FileSource(), tmp_path / "pipe")
    assert "must be absolute" in refusal(FileSource(), "secret")
