# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report page in a real browser: what it asks for, what it runs, what one can do with it, who can read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import needs
import pytest
from browser.chromium import AXE, ESCAPE, TAB, Page, chromium, missing
from fixtures.reports import examples, hostile
from fixtures.reports.fleet import fleet

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import Document, Kind
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.html.page import as_html

SHOWN = "return Array.from(document.querySelectorAll('.list > li:not([hidden])'), (row) => row.dataset.name)"
FOCUSED = "return document.activeElement"


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    needs.require(missing())
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    documents = {
        "drift": fleet(Kind.DRIFT),
        "verify": fleet(Kind.VERIFY),
        "small drift": examples.drift(),
        "small verify": examples.verify(),
        "many": fleet(Kind.VERIFY, 1000),
        "some hundred": fleet(Kind.DRIFT, 210),
        "nobody": Document(Kind.DRIFT, examples.GENERATED, "none", examples.drift().exit_code, {}),
        "hostile drift": hostile.document(Kind.DRIFT),
        "hostile verify": hostile.document(Kind.VERIFY),
    }
    return {name: write(folder / f"{name.replace(' ', '-')}.html", document) for name, document in documents.items()}


def write(path: Path, document: Document) -> Path:
    path.write_text(as_html(document), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Page, files: dict[str, Path]) -> Iterator[Page]:
    """The page of a drifted fleet on a desktop, at the state in which a person finds it."""
    browser.size(1280, 900)
    browser.media()
    browser.open(files["drift"])
    yield browser
    assert browser.told() == []


@pytest.mark.parametrize("name", ["drift", "verify", "many", "hostile drift", "hostile verify"])
def test_it_asks_for_nothing_but_itself_and_the_browser_has_nothing_to_say(
    browser: Page, files: dict[str, Path], name: str
) -> None:
    browser.open(files["nobody"])
    browser.asked_for(), browser.told()
    browser.open(files[name])
    assert [url for url in browser.asked_for() if url != "about:blank"] == [files[name].as_uri()]
    assert browser.told() == []


@pytest.mark.parametrize("kind", list(Kind))
def test_no_text_of_a_host_runs_or_becomes_an_element(browser: Page, files: dict[str, Path], kind: Kind) -> None:
    browser.open(files[f"hostile {kind.value}"])
    browser.run("document.querySelectorAll('details').forEach((card) => { card.open = true; })")
    assert browser.run("return window.injected") is None
    assert browser.run("return document.querySelectorAll('script').length") == 1
    assert (
        browser.run("return document.querySelectorAll('img, iframe, object, embed, base, foreignObject').length") == 0
    )
    links = browser.run("return Array.from(document.querySelectorAll('a'), (link) => link.getAttribute('href'))")
    assert {link[0] for link in links} == {"#"}
    assert hostile.SCRIPT in browser.run("return document.querySelector('.list').textContent")


def test_what_got_in_all_the_same_would_not_run(browser: Page, tmp_path: Path) -> None:
    text = as_html(examples.drift())
    path = tmp_path / "pierced.html"
    path.write_text(text.replace("<main>", "<main><script>window.injected = 1</script><img src=x onerror=alert(1)>"))
    browser.open(path)
    browser.told()
    assert browser.run("return window.injected") is None
    assert browser.run("return document.querySelector('#shown').textContent") == "7 hosts"


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        *((name, 1280, "light") for name in ("drift", "verify", "nobody", "hostile verify", "some hundred")),
        *((name, 390, "dark") for name in ("drift", "verify", "small verify")),
    ],
)
def test_axe_finds_nothing(browser: Page, files: dict[str, Path], name: str, width: int, scheme: str) -> None:
    needs.require(needs.no_file(AXE, "browser"))
    browser.size(width, 900)
    browser.media(scheme)
    browser.open(files[name])
    assert browser.violations() == []


@pytest.mark.parametrize("name", ["drift", "verify", "small verify", "hostile drift", "hostile verify"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_window(browser: Page, files: dict[str, Path], name: str, width: int) -> None:
    browser.size(width, 800)
    browser.open(files[name])
    browser.run("document.querySelectorAll('details').forEach((card) => { card.open = true; })")
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_the_first_screen_says_what_is_wrong_and_where(opened: Page) -> None:
    seen = opened.run("""
        const seen = (element) => element.getBoundingClientRect().bottom <= innerHeight;
        return [document.querySelector('h1'), ...document.querySelectorAll('.troubles tbody tr')]
            .filter(seen).map((element) => element.textContent.replace(/\\s+/g, ' ').trim())""")
    assert seen[0] == "8 of 28 hosts are not in sync"
    assert "Extra line ntp multicast-client 224.0.1.9 (interface Vlanif100) fra-leaf04, fra-leaf05 2 hosts" in seen
    assert len(seen) == 9


def test_a_state_filters(opened: Page) -> None:
    opened.click(".counts a[data-state=unreachable]")
    assert opened.run(SHOWN) == ["fra-leaf07"]
    assert opened.run("return document.querySelector('#shown').textContent") == "1 of 28 hosts"
    assert opened.run("return location.hash") == "#state=unreachable"


def test_a_finding_leads_to_its_hosts_and_back(opened: Page) -> None:
    opened.run("document.querySelector('.troubles a[data-hosts]').click()")
    assert opened.run(SHOWN) == ["fra-leaf04", "fra-leaf05"]
    opened.click("#unchoose")
    assert len(opened.run(SHOWN)) == 28


def test_search_finds_lines_and_users_and_leads_on_when_there_is_nothing(opened: Page) -> None:
    opened.press("/")
    opened.type("l.okafor")
    assert opened.run(SHOWN) == ["fra-leaf09"]
    opened.press(ESCAPE)
    opened.type("TTL 64 spine")
    assert opened.run(SHOWN) == ["fra-spine2"]
    opened.type(" nowhere")
    assert opened.run(SHOWN) == []
    opened.click("#reset")
    assert len(opened.run(SHOWN)) == 28


def test_a_box_of_the_map_shows_its_hosts_by_keyboard(opened: Page) -> None:
    opened.run("document.querySelector('.box.group').focus()")
    assert opened.run("return document.querySelectorAll('.ribbons .on').length") > 2
    opened.press("\ue007")
    assert len(opened.run(SHOWN)) == 11


def test_a_link_to_a_host_opens_its_card_even_when_it_was_filtered(browser: Page, files: dict[str, Path]) -> None:
    browser.open(files["drift"], "#find=web")
    assert "ams-web01" in browser.run(SHOWN)
    assert "fra-leaf01" not in browser.run(SHOWN)
    browser.run("location.hash = '#host-fra-leaf01'; return new Promise((done) => setTimeout(done, 50))")
    assert browser.run("return document.getElementById('host-fra-leaf01').open")
    assert "fra-leaf01" in browser.run(SHOWN)


def test_sorting_by_offset_puts_the_worst_first(browser: Page, files: dict[str, Path]) -> None:
    browser.open(files["verify"])
    browser.run("""const sort = document.querySelector('#sort');
        sort.value = 'offset';
        sort.dispatchEvent(new Event('change'))""")
    assert browser.run(SHOWN)[0] == "ams-web07"


def test_everything_can_be_reached_by_the_keyboard_and_shows_its_focus(opened: Page) -> None:
    opened.run("document.body.focus(); window.scrollTo(0, 0)")
    opened.press(TAB)
    assert opened.run("return document.activeElement.textContent") == "Skip to the hosts"
    reached = opened.run("""
        return Array.from(document.querySelectorAll('a, button, summary, input, select, [tabindex="0"]'))
            .filter((element) => element.checkVisibility() && element.tabIndex < 0).length""")
    assert reached == 0
    for _number in range(12):
        opened.press(TAB)
        outlined = "return getComputedStyle(document.activeElement).outlineStyle"
        assert opened.run(outlined) != "none"


def test_the_theme_can_be_changed(opened: Page) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    light = opened.run(background)
    opened.click("#theme")
    dark = opened.run(background)
    assert dark != light
    opened.media("dark")
    opened.click("#theme")
    assert opened.run(background) == light


def test_paper_shows_what_is_wrong_and_no_control(opened: Page) -> None:
    opened.media(kind="print")
    opened.run("window.dispatchEvent(new Event('beforeprint'))")
    shown = "return document.querySelector(arguments[0]).checkVisibility()"
    assert not opened.run(shown, ".filter")
    assert opened.run(shown, "#host-fra-spine2 .diff")
    assert opened.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    opened.media()
    assert opened.printed().startswith(b"%PDF")


def test_it_can_be_read_without_its_script(browser: Page, files: dict[str, Path]) -> None:
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(files["drift"])
    finally:
        browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
    hidden = "return document.querySelector(arguments[0]).hidden"
    assert browser.run(hidden, ".filter")
    assert browser.run(hidden, "#theme")
    assert browser.run("return document.querySelector('#shown').textContent") == "28 hosts"
    assert browser.run("return document.querySelector('#host-fra-leaf07').open")


def test_a_host_of_the_same_name_but_for_its_signs_has_a_card_of_its_own(browser: Page, tmp_path: Path) -> None:
    document = examples.drift()
    first, second = (dataclasses.replace(document.hosts[0], name=name) for name in ("a b", "a/b"))
    browser.open(write(tmp_path / "page.html", dataclasses.replace(document, hosts=(first, second))))
    assert browser.run("return Array.from(document.querySelectorAll('.list details'), (card) => card.id)") == [
        "host-a-b",
        "host-a-b-2",
    ]
