"""Messages over Apprise to real servers, and that no address gets into an error or a log."""

import email
import logging
import socket
import subprocess
import sys
import time
from email.policy import default

import pytest

from alluse_assets.adapters.notify import AppriseChannel, open_channels
from alluse_assets.adapters.notify.redaction import without_address
from alluse_assets.alerts.channel import Message
from alluse_assets.base.errors import DeliveryError
from alluse_assets.base.secrets import Secret
from tests.adapters.notify.servers import mail_server, webhook
from tests.alerts.samples import rules

MESSAGE = Message("CRITICAL: live GEN-1 TSLA (protocol)", "TSLA fell <3 & more.\nSecond line.", "CRITICAL")


@pytest.fixture
def hook():
    with webhook() as server:
        yield server


@pytest.fixture
def mail():
    with mail_server() as server:
        yield server


def channel(url, within=5):
    return AppriseChannel(lambda: Secret(url), within)


def test_a_webhook_gets_title_text_and_urgency(hook):
    channel(hook.url()).send(MESSAGE)
    (got,) = hook.messages
    assert (got["title"], got["message"], got["type"]) == (MESSAGE.title, MESSAGE.body, "failure")
    assert hook.paths == ["/hook/SECRETTOKEN"]


@pytest.mark.parametrize("form", ["text", "html"])
def test_mail_arrives_with_its_text_as_it_was(mail, form):
    channel(
        f"mailto://127.0.0.1:{mail.port}?mode=insecure&from=alluse@example.com&to=ann@example.com&format={form}"
    ).send(MESSAGE)
    letter = email.message_from_string(mail.letters[0], policy=default)
    assert letter["Subject"] == MESSAGE.title
    assert "ann@example.com" in mail.recipients[0]
    body = letter.get_body(("plain",)).get_content()
    assert "TSLA fell <3 & more." in body
    assert "Second line." in body


def test_a_refused_message_is_an_error_that_says_how_it_was_refused(hook, mail):
    hook.answers = [503]
    with pytest.raises(DeliveryError, match="503"):
        channel(hook.url()).send(MESSAGE)
    mail.refuses = "554 no thanks"
    with pytest.raises(DeliveryError):
        channel(
            f"mailto://127.0.0.1:{mail.port}?mode=insecure&from=alluse@example.com&to=ann@example.com"
        ).send(MESSAGE)
    assert mail.letters == []


def test_no_address_gets_into_an_error_or_a_log_even_if_everything_is_logged(hook, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    hook.answers = [200, 403]
    channel(hook.url()).send(MESSAGE)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"json://ann:PASSWORD1@127.0.0.1:{taken.getsockname()[1]}/hook/SECRETTOKEN"
    for url in (hook.url(), closed, "slack://SECRETTOKEN/nonsense", "nothing://SECRETTOKEN", "SECRETTOKEN"):
        with pytest.raises(DeliveryError) as failed:
            channel(url).send(MESSAGE)
        assert failed.value.__cause__ is None
        for secret in ("SECRETTOKEN", "PASSWORD1", "127.0.0.1", "hook"):
            assert secret.lower() not in str(failed.value).lower()
            assert secret.lower() not in caplog.text.lower()


def test_a_service_that_does_not_answer_has_failed_in_time(hook):
    hook.wait.clear()
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"no answer|Connection error"):
        channel(hook.url(), within=1).send(MESSAGE)
    assert time.monotonic() - began < 4


def test_a_secret_that_is_not_there_fails_its_own_channel_only(hook):
    given = rules(channels={"a": {"secret": "env:ALLUSE_A"}, "b": {"secret": "env:ALLUSE_B"}})
    channels = open_channels(given, {"ALLUSE_B": hook.url()})
    with pytest.raises(DeliveryError, match="env:ALLUSE_A: the variable is not set"):
        channels["a"].send(MESSAGE)
    channels["b"].send(MESSAGE)
    assert len(hook.messages) == 1


def test_the_library_is_not_loaded_before_something_is_sent():
    script = "import sys, alluse_assets.orchestration.notifications; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_hidden_is_every_part_of_the_address():
    url = "mailtos://ann%40example.com:secret@smtp.example.com?to=bob@example.org"
    said = "could not log in to SMTP.example.com\nas ann@example.com with secret for bob@example.org: 535"
    assert without_address(said, url) == (
        "could not log in to [hidden] as [hidden]@[hidden] with [hidden] for [hidden]@[hidden]: 535"
    )
    assert len(without_address("x" * 1000, url)) == 300
