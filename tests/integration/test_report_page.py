"""The report's page in a real Chromium: what a reader does with it, and what an attacker would like it to do."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.account import one_line
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_report import render_html
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import Report
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.sarif_report import render_sarif
from axe_core_python.base import AXE_SCRIPT
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.integration.report_pages import ATTACKS, reports
from tests.integration.report_reader import FINDINGS, HOSTS, Page
from tests.rigs.browser import chromium, console, emulate, missing_programs, requested, resize

MOST_BYTES = 15_000_000
MOST_NODES = 4000
PRINTED = 500
COUNT_NODES = "return document.querySelectorAll('*').length"
SCROLL = """
const scroller = document.querySelector(arguments[0] + ' .scroller');
scroller.scrollTop = scroller.scrollHeight * arguments[1];
"""
#: Whether there is a row in the middle of what is in sight.
ROW_IN_SIGHT = """(() => {
  const scroller = document.querySelector(arguments[0] + ' .scroller');
  const box = scroller.getBoundingClientRect();
  const middle = box.top + box.height / 2;
  return [...scroller.querySelectorAll('tr[data-row]')].some(row => {
    const place = row.getBoundingClientRect();
    return place.top <= middle && place.bottom >= middle;
  });
})()"""
#: What would act by itself, had it become an element.
LIVE_ELEMENTS = """
return [...document.querySelectorAll('*')].filter(element =>
  element.getAttributeNames().some(name => name.startsWith('on'))
  || element.matches('img, iframe, object, embed, base, svg script, form[action]')
).length
"""
LINKS = "return [...document.querySelectorAll('#sheet-body a')].map(link => link.href)"
WATCH_PRINTING = """
addEventListener('beforeprint', () => {
  window.printed = [
    document.querySelectorAll('#hosts-table tr[data-row]').length,
    document.querySelector('#hosts-table .paper').textContent,
    document.querySelector('#findings-table .more-on-paper').textContent,
  ];
});
"""
NO_SCRIPT = "Emulation.setScriptExecutionDisabled"


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    missing = missing_programs()
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: make test-tools, as root")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Report]]:
    folder = tmp_path_factory.mktemp("pages")
    pages = {}
    for name, report in reports():
        path = folder / f"{name}.html"
        path.write_text(render_html(report), encoding="utf-8")
        pages[name] = (path, report)
    return pages


@pytest.fixture
def browser(driver: Chrome) -> Chrome:
    """Return it as a reader would find it."""
    resize(driver, 1280)
    emulate(driver, "light")
    driver.get("about:blank")
    console(driver)
    requested(driver)
    return driver


@pytest.fixture
def mixed(browser: Chrome, written: dict[str, tuple[Path, Report]]) -> Page:
    return Page(browser, *written["mixed"]).open()


@pytest.fixture
def large(browser: Chrome, written: dict[str, tuple[Path, Report]]) -> Page:
    return Page(browser, *written["large"]).open()


@pytest.fixture
def hostile(browser: Chrome, written: dict[str, tuple[Path, Report]]) -> Page:
    return Page(browser, *written["hostile"])


# --- alone in the world


@pytest.mark.parametrize("name", ["mixed", "large", "hostile", "absurd"])
def test_the_page_asks_for_nothing_and_complains_of_nothing(
    browser: Chrome, written: dict[str, tuple[Path, Report]], name: str
) -> None:
    page = Page(browser, *written[name]).open()
    for table in (HOSTS, FINDINGS):
        page.js("document.querySelector(arguments[0] + ' tbody button').click()", table)
        page.wait_for("document.getElementById('sheet').open")
        page.js("document.getElementById('sheet').close()")
    assert console(browser) == []
    assert [url for url in requested(browser) if url != "data:,"] == [page.path.as_uri()]


@pytest.mark.parametrize(
    "attempt",
    [
        "fetch('https://127.0.0.1:9/')",
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/'}))",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))",
        "document.body.setAttribute('onclick', 'window.ran = 1'); document.body.click()",
    ],
)
def test_the_browser_would_not_let_it_either(mixed: Page, attempt: str) -> None:
    mixed.js("addEventListener('securitypolicyviolation', () => { window.refused = true; })")
    mixed.js(f"try {{ {attempt} }} catch {{}}")
    mixed.wait_for("window.refused === true && window.ran === undefined")


def test_without_the_script_the_verdict_and_the_reasons_are_there(mixed: Page) -> None:
    mixed.driver.execute_cdp_cmd(NO_SCRIPT, {"value": True})
    try:
        mixed.open()
        body = mixed.find("main").text
    finally:
        mixed.driver.execute_cdp_cmd(NO_SCRIPT, {"value": False})
    assert "3 of 13 hosts are not compliant; 2 of 13 hosts are unknown" in body
    assert "The host could not be reached" in body
    assert "shows its tables and plots with a script of its own" in body


# --- the head


def test_the_verdict_is_said_in_words_with_its_counts(mixed: Page) -> None:
    head = mixed.find(".head").text
    assert "Not compliant\n3 of 13 hosts are not compliant; 2 of 13 hosts are unknown" in head
    assert "1 enforced, 1 made compliant by it." in head
    assert "62 findings, and 2 things that could not be judged." in head
    assert mixed.texts(".head .counts li")[:3] == ["3 not compliant", "2 unknown", "8 compliant"]


def test_a_reason_leads_to_its_hosts(mixed: Page) -> None:
    mixed.find("button[data-reason='host.unreachable']").click()
    mixed.hits(HOSTS, "1 of 13 hosts")
    assert mixed.column(HOSTS, 1) == ["db-9"]
    assert mixed.focused() == "db-9"


def test_unknown_hosts_are_named_beside_the_plot_and_not_drawn(mixed: Page) -> None:
    drawn = mixed.js(
        "return [...document.querySelectorAll('.dots')].map(e => e.getAttribute('d').split('M').length - 1)"
    )
    assert drawn == [8, 3]
    assert mixed.texts("#drift-unknown li button") == ["db-9", "gpu-4"]
    assert "db-9" not in mixed.texts("#drift-plot text.name")


def test_hosts_with_a_history_have_it_drawn(mixed: Page) -> None:
    assert mixed.texts("#history .small-plots button") == ["build-7", "bastion-1"]
    curve = mixed.js("return document.querySelector('#history .curve').getAttribute('d')")
    assert curve.count("M") == 2  # two checks knew nothing: the curve has a gap


# --- the tables


def test_sorting_by_offset_goes_both_ways_and_unknown_stays_last(mixed: Page) -> None:
    head = f"{HOSTS} thead th:nth-child(3)"
    mixed.find(f"{head} button").click()
    assert mixed.find(head).get_attribute("aria-sort") == "descending"
    names = mixed.column(HOSTS, 1)
    assert names[:3] == ["laptop-erin", "build-7", "db-2"]
    assert names[-2:] == ["db-9", "gpu-4"]
    mixed.find(f"{head} button").click()
    assert mixed.find(head).get_attribute("aria-sort") == "ascending"
    names = mixed.column(HOSTS, 1)
    assert names[0] == "web-3"
    assert names[-5:] == ["db-2", "build-7", "laptop-erin", "db-9", "gpu-4"]


def test_tokens_that_nobody_could_look_for_stay_last(mixed: Page) -> None:
    head = mixed.driver.find_elements(By.CSS_SELECTOR, f"{HOSTS} thead button")[6]
    for _direction in ("ascending", "descending"):
        head.click()
        kinds = mixed.column(HOSTS, 7)
        assert kinds[0] != "unknown"
        assert kinds[-2:] == ["unknown", "unknown"]


def test_a_screen_reader_is_told_the_label_of_a_column_and_no_arrow(mixed: Page) -> None:
    mixed.find(f"{HOSTS} thead button").click()
    nodes = mixed.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    heads = [node["name"]["value"] for node in nodes if node["role"]["value"] == "columnheader"]
    assert heads[:7] == ["Host", "Verdict", "Offset", "Bound", "Codes", "Reasons", "Soft tokens"]


def test_sorting_by_name_knows_numbers(large: Page) -> None:
    large.find(f"{HOSTS} thead th:nth-child(1) button").click()
    large.wait_for("document.querySelector('#hosts-table tbody button').textContent.startsWith('node-00000.')")


def test_filters_narrow_together_and_can_be_taken_back(mixed: Page) -> None:
    mixed.find(f"{HOSTS} input[value=noncompliant]").click()
    mixed.hits(HOSTS, "3 of 13 hosts")
    mixed.find(f"{HOSTS} input[value=unknown]").click()
    mixed.hits(HOSTS, "5 of 13 hosts")
    reason, tokens = (Select(element) for element in mixed.driver.find_elements(By.CSS_SELECTOR, f"{HOSTS} select"))
    reason.select_by_value("clock.offset_exceeded")
    mixed.hits(HOSTS, "2 of 13 hosts")
    tokens.select_by_value("unknown")
    mixed.hits(HOSTS, "0 of 13 hosts")
    assert mixed.find(f"{HOSTS} .none").is_displayed()
    mixed.find(f"{HOSTS} .hits button").click()
    mixed.hits(HOSTS, "13 hosts")
    assert len(mixed.column(HOSTS, 1)) == 13


def test_searching_finds_by_serial_and_says_how_many(large: Page) -> None:
    serials = (str((entry.state.facts or {}).get("serials")) for entry in large.report.hosts)
    expected = sum("mfa/device-42" in text for text in serials)
    assert expected > 1
    large.find(f"{HOSTS} input[type=search]").send_keys("mfa/DEVICE-42")
    large.hits(HOSTS, f"{expected} of 10,000 hosts")
    large.find(f"{FINDINGS} input[type=search]").send_keys("role/service-4999")
    large.hits(FINDINGS, "1 of 5,000 findings")


def test_findings_are_filtered_by_severity_and_rule(mixed: Page) -> None:
    mixed.find(f"{FINDINGS} input[value=critical]").click()
    mixed.hits(FINDINGS, "5 of 62 findings")
    Select(mixed.find(f"{FINDINGS} select")).select_by_value("MFA-G01")
    mixed.hits(FINDINGS, "3 of 62 findings")
    assert set(mixed.column(FINDINGS, 2)) == {"critical"}


def test_ten_thousand_hosts_and_five_thousand_findings_stay_few_nodes(large: Page) -> None:
    assert large.path.stat().st_size < MOST_BYTES
    assert large.js(COUNT_NODES) < MOST_NODES
    for table, rows in ((HOSTS, 10_000), (FINDINGS, 5000)):
        assert large.find(f"{table} table").get_attribute("aria-rowcount") == str(rows + 1)
        for part in (0.1, 0.5, 0.93, 1.0):
            large.js(SCROLL, table, part)
            large.wait_for(ROW_IN_SIGHT, table)
            assert large.js(COUNT_NODES) < MOST_NODES
        last = f"{table} tr[aria-rowindex='{rows + 1}']"
        assert large.js("return document.querySelector(arguments[0]) !== null", last)


# --- by keyboard


def test_the_first_tab_skips_to_the_report(mixed: Page) -> None:
    mixed.find("body").send_keys(Keys.TAB)
    assert mixed.focused() == "Skip to the report"
    mixed.type(Keys.ENTER)
    mixed.wait_for("document.activeElement.id === 'main'")


def test_a_table_is_walked_and_a_host_opened_by_keys_alone(large: Page) -> None:
    large.js("document.querySelector('#hosts-table .scroller').focus()")
    large.type(Keys.ARROW_DOWN)
    first = large.focused()
    assert first == large.report.hosts[0].host
    large.type(Keys.ARROW_DOWN)
    assert large.focused() == large.report.hosts[1].host
    large.type(Keys.END)
    last = large.report.hosts[-1].host
    assert large.focused() == last
    large.type(Keys.PAGE_UP)
    assert large.focused() not in {first, last}
    large.type(Keys.END)
    large.type(Keys.ENTER)
    large.wait_for("document.getElementById('sheet').open")
    assert large.find("#sheet-title").text == last
    large.type(Keys.ESCAPE)
    # The browser gives the focus back, and then the table does.
    large.wait_for("document.activeElement.textContent === arguments[0]", last)
    assert not large.js("return document.getElementById('sheet').open")


def test_the_focus_is_not_lost_when_its_row_scrolls_away(large: Page) -> None:
    large.js("document.querySelector('#hosts-table .scroller').focus()")
    large.type(Keys.ARROW_DOWN)
    large.js("document.querySelector('#hosts-table .scroller').scrollTop = 100000")
    large.wait_for("document.activeElement.matches('#hosts-table .scroller')")


def test_the_sheet_goes_on_to_the_next_one(mixed: Page) -> None:
    mixed.choose(HOSTS, "laptop-erin")
    assert not mixed.find("#sheet-previous").is_enabled()
    mixed.find("#sheet-next").click()
    assert mixed.find("#sheet-title").text == "build-7"
    assert mixed.find("#sheet-place").text == "2 of 13"


# --- one host, one finding


def test_the_sheet_of_a_host_tells_all(mixed: Page) -> None:
    mixed.choose(HOSTS, "build-7")
    sheet = mixed.sheet()
    for said in (
        "the clock is 8.2 s fast, and 1 s is allowed: step it", "ntp1.example.com", "+8.2\u00a0s",
        "arn:aws:iam::123456789012:mfa/old-phone", "Findings that touch it", "MFA-T03",
    ):  # fmt: skip
        assert said in sheet


def test_the_sheet_of_an_enforced_host_has_before_and_after(mixed: Page) -> None:
    mixed.choose(HOSTS, "vault-1")
    assert mixed.texts("#sheet-body .plain tr:nth-child(1) > *")[-3:] == ["Verdict", "Not compliant", "Compliant"]


def test_a_finding_marks_its_statement_says_its_witness_and_shows_its_fix(mixed: Page) -> None:
    mixed.choose(FINDINGS, "MFA-C04")
    assert "A long-term access key, which never carries MFA, passes this condition" in mixed.sheet()
    marked = mixed.texts("pre .in, pre .at")
    assert '"Sid": "PeopleWithMFA",' in "".join(marked)
    assert [line.strip() for line in mixed.texts("pre .at")] == ['"aws:MultiFactorAuthPresent": "true"']
    gone, new = mixed.texts("pre .gone"), mixed.texts("pre .new")
    assert [line.split("\u2212")[1].strip() for line in gone] == ['"BoolIfExists": {']
    assert [line.split("+")[1].strip() for line in new] == ['"Bool": {']


def test_the_sheet_says_which_way_the_facts_came(mixed: Page) -> None:
    assert "1 of 13 hosts by the report of their agent, at most 244.0 s old" in mixed.find(".head .meta").text
    mixed.choose(HOSTS, "bastion-1")
    assert "By the report of its agent, 4.1\u00a0min old." in mixed.sheet()
    mixed.js("document.getElementById('sheet').close()")
    mixed.choose(HOSTS, "edge-3")
    assert "Measured by this run, as the report of its agent did not count: it is stale." in mixed.sheet()
    mixed.js("document.getElementById('sheet').close()")
    mixed.find(f"{HOSTS} input[type=search]").send_keys("did not count")
    mixed.hits(HOSTS, "1 of 13 hosts")


# --- addresses


def test_the_address_of_a_host_opens_it_also_behind_a_filter(mixed: Page) -> None:
    mixed.driver.get(f"{mixed.path.as_uri()}#host=edge-3")
    mixed.wait_for("document.getElementById('sheet').open")
    assert mixed.find("#sheet-title").text == "edge-3"
    mixed.type(Keys.ESCAPE)
    mixed.wait_for("document.activeElement.textContent === 'edge-3'")
    assert mixed.js("return location.hash") == ""
    mixed.find(f"{HOSTS} input[value=noncompliant]").click()
    mixed.hits(HOSTS, "3 of 13 hosts")
    mixed.js("location.hash = '#host=web-2'")
    mixed.wait_for("document.getElementById('sheet-title').textContent === 'web-2'")
    assert mixed.column(HOSTS, 1).count("web-2") == 1


def test_what_is_open_has_a_link_that_keys_reach_and_that_leads_back(mixed: Page) -> None:
    mixed.choose(FINDINGS, "MFA-C04")
    said = mixed.sheet()
    link = mixed.find("#sheet-link")
    address = str(link.get_attribute("href"))
    assert (link.text, address) == ("Link to this finding", mixed.driver.current_url)
    reached = []
    for _tab in range(3):
        mixed.type(Keys.SHIFT + Keys.TAB)
        reached.append(mixed.focused())
    assert "Link to this finding" in reached
    mixed.driver.get("about:blank")
    mixed.driver.get(address)
    mixed.wait_for("document.getElementById('sheet').open")
    assert mixed.sheet() == said


def test_findings_have_the_addresses_of_their_fingerprints(mixed: Page) -> None:
    results = json.loads(render_sarif(mixed.report))["runs"][0]["results"]
    expected = {one["partialFingerprints"]["softtokenFinding/v1"] for one in results if "suppressions" not in one}
    data = json.loads(mixed.js("return document.getElementById('data').textContent"))
    assert {one["id"] for one in data["account"]["findings"]} == expected
    assert len(expected) == 62


def test_an_address_that_names_nothing_is_told(mixed: Page) -> None:
    for fragment, said in (
        ("#host=old-7", "asks for the host old-7, and this report has none of that name"),
        ("#finding=%zz", "asks for the finding %zz,"),
        ("#host=<img src=x onerror=alert(1)>", "asks for the host"),
    ):
        mixed.js("location.hash = arguments[0]", fragment)
        mixed.wait_for("document.getElementById('nowhere').textContent.includes(arguments[0])", said)
        assert mixed.find("#nowhere").is_displayed()
    assert not mixed.js("return document.getElementById('sheet').open")
    assert mixed.js(LIVE_ELEMENTS) == 0
    mixed.js("location.hash = '#hosts'")
    mixed.wait_for("document.getElementById('nowhere').hidden")


@pytest.mark.parametrize("attack", ATTACKS)
def test_names_that_an_attacker_chose_have_an_address_too(hostile: Page, attack: str) -> None:
    hostile.driver.get(f"{hostile.path.as_uri()}#host={quote(f'{attack} host', safe='')}")
    hostile.wait_for("document.getElementById('sheet').open")
    assert hostile.find("#sheet-title").get_attribute("textContent") == one_line(f"{attack} host")
    assert hostile.js("return location.hash").startswith("#host=")
    assert hostile.js(LIVE_ELEMENTS) == 0


# --- an attacker


def test_what_an_attacker_wrote_is_text_everywhere(hostile: Page) -> None:
    alarm = "for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => { window.fired = true; };"
    made = hostile.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": alarm})
    try:
        hostile.open()
        assert sorted(hostile.column(HOSTS, 1)) == sorted(f"{one_line(attack)} host" for attack in ATTACKS)
        for table in (HOSTS, FINDINGS):
            hostile.js("document.querySelector(arguments[0] + ' tbody button').click()", table)
            seen = hostile.sheet()
            for _next in ATTACKS[1:]:
                hostile.find("#sheet-next").click()
                seen += hostile.sheet()
                assert hostile.js(LIVE_ELEMENTS) == 0
                assert all(link.startswith("https://") for link in hostile.js(LINKS))
            for attack in ATTACKS:
                assert one_line(attack) in seen
            hostile.js("document.getElementById('sheet').close()")
        assert hostile.js("return document.scripts.length") == 2
        assert hostile.js("return window.fired") is None
        assert hostile.js("return ({}).polluted") is None
        assert console(hostile.driver) == []
    finally:
        hostile.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)


def test_absurd_figures_of_one_host_leave_the_others_in_the_picture(
    browser: Chrome, written: dict[str, tuple[Path, Report]]
) -> None:
    page = Page(browser, *written["absurd"]).open()
    drawn = page.js(
        "return [...document.querySelectorAll('#drift-plot path, #history path')].map(e => e.getAttribute('d')).join()"
    )
    assert "NaN" not in drawn
    assert "Infinity" not in drawn
    assert page.texts("#drift-plot text.name") == ["well", "absurd"]
    assert page.column(HOSTS, 5) == ["unknown", "100\u00a0%"]
    page.choose(HOSTS, "absurd")
    assert "This host sent more than can be read here; report.json has all of it." in page.sheet()


# --- on paper, in the dark, on a telephone


def test_the_page_prints_with_every_row_or_says_which_it_leaves_out(large: Page) -> None:
    large.js(WATCH_PRINTING)
    pdf = base64.b64decode(large.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF-")
    rows, notice, more = large.js("return window.printed")
    assert rows == PRINTED
    assert notice == "Printed are the first 500 hosts of 10,000; report.json has all of them."
    # What a click shows on a screen stands below its row on paper.
    assert "passes this condition" in more
    assert "BoolIfExists becomes Bool." in more
    assert large.js("return document.querySelectorAll('#hosts-table tr[data-row]').length") < PRINTED


def test_the_page_follows_the_reader_to_the_dark_and_the_button_turns_it(mixed: Page) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = mixed.js(ground)
    emulate(mixed.driver, "dark")
    dark = mixed.js(ground)
    assert dark != light
    button = mixed.find("#theme")
    # The browser tells the script a moment after the style sheet.
    mixed.wait_for("document.getElementById('theme').getAttribute('aria-label') === 'Use light colours'")
    button.click()
    assert mixed.js(ground) == light
    button.click()
    assert mixed.js(ground) == dark
    mixed.js("localStorage.clear()")


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_nothing_sticks_out_of_the_page(hostile: Page, mixed: Page, width: int) -> None:
    resize(mixed.driver, width)
    for page in (mixed, hostile):
        page.open()
        assert page.js("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("scheme", "width", "opened"),
    [
        ("light", 1280, None),
        ("dark", 1280, None),
        ("light", 400, None),
        ("dark", 400, (HOSTS, "build-7")),
        ("light", 1280, (HOSTS, "build-7")),
        ("dark", 1280, (FINDINGS, "MFA-C04")),
        ("light", 400, (FINDINGS, "MFA-C04")),
    ],
)
def test_axe_finds_no_barrier(mixed: Page, scheme: str, width: int, opened: tuple[str, str] | None) -> None:
    resize(mixed.driver, width)
    emulate(mixed.driver, scheme)
    mixed.open()
    if opened:
        mixed.choose(*opened)
    mixed.js(AXE_SCRIPT)
    found = mixed.driver.execute_async_script("axe.run().then(arguments[0])")
    assert len(found["passes"]) > 15
    faults = {
        one["id"]: [(node["html"][:160], node["failureSummary"]) for node in one["nodes"]]
        for one in found["violations"]
    }
    assert faults == {}
