"""The page in a real browser, served by Streamlit's own server: texts, console, a phone's width, a link."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.analytics_app.protocol_book import WORST, write_crash
from tests.analytics_app.small_book import SESSIONS, write_book
from tests.analytics_app.small_chain import EXPIRIES, MONDAY, write_chains
from tests.paths import ROOT

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")
PATIENCE_MS = 60_000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("the app does not answer")


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[str]:
    """The app's address; afterwards its log must hold no complaint."""
    home = tmp_path_factory.mktemp("app")
    write_book(home)
    write_book(home, "second")
    write_chains(home)
    write_crash(home)
    port = _free_port()
    log = home / "app.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "analytics_app/app.py", f"--server.port={port}"],
            cwd=ROOT,
            env={**os.environ, "ALLUSE_HOME": str(home), "ALLUSE_DATABASE_URL": ""},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)
    said = log.read_text()
    assert not re.search("traceback|deprecat|warning|error", said, re.IGNORECASE), said


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The sandbox needs rights that neither root nor a container has; the page is our own.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


def opened(browser: Browser, url: str, width: int, scheme: str = "light") -> tuple[Page, list[str]]:
    """The page when all of it is drawn, and what the console complained about so far."""
    page = browser.new_context(
        viewport={"width": width, "height": 3200}, color_scheme=scheme, locale="en-US"
    ).new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    expect(page.locator("table.legend")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".js-plotly-plot .legend").first).to_be_visible(timeout=PATIENCE_MS)
    return page, complaints


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (420, "dark")])
def test_the_page_is_drawn_without_a_complaint(served, browser, width, scheme, tmp_path):
    page, complaints = opened(browser, served, width, scheme)
    for text in ("ALL-USE: book sample", "model-priced", "1,024,882", "Positions: 3", "Trades: 5"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_role("heading", name="Net asset value by account")).to_be_visible()
    expect(page.get_by_label("Week types by account and ticker").get_by_text("A", exact=True)).to_be_visible()
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    picture = tmp_path / "overview.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 50_000, "an almost empty picture"


def test_what_is_chosen_is_in_the_url_and_a_link_brings_it_back(served, browser):
    page, _ = opened(browser, f"{served}/?to={SESSIONS[9]}&ticker=GOOG", 1440)
    expect(page.get_by_text(f"Positions at the close of {SESSIONS[9]}")).to_be_visible()
    expect(page.get_by_text("Trades: 1")).to_be_visible()
    page.get_by_text("US dollars").click()
    page.wait_for_url(re.compile("measure=US"), timeout=PATIENCE_MS)
    again, _ = opened(browser, page.url, 1440)
    expect(again.get_by_text("Trades: 1")).to_be_visible()
    expect(again.locator(".js-plotly-plot .legend")).not_to_contain_text("whole book")


def test_another_book_starts_with_its_own_days(served, browser):
    page, complaints = opened(browser, f"{served}/?to={SESSIONS[9]}&ticker=GOOG", 1440)
    page.get_by_role("combobox", name="Book").click()
    page.get_by_role("option", name="second").click()
    expect(page.get_by_text("ALL-USE: book second")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Trades: 5")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_url(re.compile(r"\?book=second$"), timeout=PATIENCE_MS)
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (420, "dark")])
def test_chains_are_drawn_without_a_complaint(served, browser, width, scheme, tmp_path):
    page, complaints = opened(browser, served, width, scheme)
    if width < 500:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Chains and surfaces").click()
    if width < 500:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_text("Contracts: 90")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".js-plotly-plot")).to_have_count(3, timeout=PATIENCE_MS)
    for name in ("Volatility smile", "Fit by expiry", "The chain of an expiry"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    picture = tmp_path / "chains.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 50_000, "an almost empty picture"


def test_a_link_to_a_chain_shows_the_same_chain(served, browser):
    page, _ = opened(browser, served, 1440)
    page.goto(f"{served}/chains?session={MONDAY}&smile={EXPIRIES[1]}&expiry={EXPIRIES[2]}")
    expect(page.get_by_text(f"Mon {MONDAY} 16:00 New York time")).to_be_visible(timeout=PATIENCE_MS)
    smile = page.locator(".js-plotly-plot .legend").first
    expect(smile).to_contain_text(str(EXPIRIES[1]), timeout=PATIENCE_MS)
    expect(smile).not_to_contain_text(str(EXPIRIES[0]))
    page.get_by_role("radio", name="Strike").click()
    page.wait_for_url(re.compile("over=Strike"), timeout=PATIENCE_MS)
    assert f"session={MONDAY}" in page.url


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (420, "dark")])
@pytest.mark.parametrize(
    ("link", "headings", "last"),
    [
        ("Protection", ("Open short options and their levels", "Level changes", "Rolls"), "Due up to then"),
        ("Approvals and alerts", ("Waiting for an answer", "Alerts", "Deliveries"), "Requests:"),
    ],
)
def test_what_the_engine_did_is_drawn_without_a_complaint(
    served, browser, link, headings, last, width, scheme, tmp_path
):
    page, complaints = opened(browser, served, width, scheme)
    if width < 500:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name=link).click()
    if width < 500:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_role("heading", name=f"{link}: book")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("combobox", name="Book").click()
    page.get_by_role("option", name="crash").click()
    expect(page.get_by_text(f"{link}: book crash")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(last)).to_be_visible(timeout=PATIENCE_MS)
    for name in headings:
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    picture = tmp_path / "engine.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 50_000, "an almost empty picture"


def test_a_link_to_a_session_shows_the_same_protection(served, browser):
    page, _ = opened(browser, served, 1440)
    page.goto(f"{served}/protection?book=crash&session={WORST}&rolls=Due+and+not+made")
    expect(page.get_by_text(f"As of {WORST}")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("AAA is at level 3")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("radio", name="Due and not made")).to_be_checked(timeout=PATIENCE_MS)
