"""The live page of the real demo, in a real browser: what it shows, and what each button does in the real arms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from sadpath.hosts import direct_opener
from tests.end_to_end.browser import chromium
from tests.running_demo import RunningDemo, running_demo
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

PROJECTOR = ViewportSize(width=1280, height=720)
PHONE = ViewportSize(width=390, height=844)


class Demo:
    """A demo that runs until it is stopped, as its page and its arms tell of it."""

    def __init__(self, running: RunningDemo) -> None:
        self._running = running
        self.page = running.page

    def state(self) -> dict[str, Any]:
        """What the page is told."""
        return dict(ask(f"{self.page}/rows"))

    def growth(self) -> float:
        """The bytes that each request adds to the arm that leaks."""
        return float(self.state()["arms"]["reused"]["bytes_per_request"] or 0)

    def arm(self, name: str) -> psutil.Process:
        """The process of one arm."""
        return self._running.part("arm", name)[0]

    def lab(self, name: str) -> dict[str, Any]:
        """What one arm says of itself."""
        words = self.arm(name).cmdline()
        return dict(ask(f"http://127.0.0.1:{words[words.index('--port') + 1]}/lab"))

    def marks(self) -> list[str]:
        """What was done to the reused arm, as its samples have it."""
        return [sample.mark for sample in self._running.samples("reused") if sample.mark]


def ask(url: str) -> Any:
    with direct_opener().open(url, timeout=60) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests: they leave it as they found it, but for its age."""
    folder = tmp_path_factory.mktemp("demo") / "reports"
    with running_demo(folder, "--seconds", "0", "--rate", "50", "--warm-up", "1") as running:
        running.wait_for_samples(2)
        yield Demo(running)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """The page on a projector, with its chart."""
    with browser.new_context(viewport=PROJECTOR) as context:
        one = context.new_page()
        faults: list[str] = []
        one.on("pageerror", lambda error: faults.append(str(error)))
        one.goto(demo.page)
        expect(one.locator("#chart canvas:visible, #ending img:visible")).to_be_visible()
        yield one
        assert faults == []


def figure(page: Page, arm: str, name: str) -> str:
    return page.locator(f'[data-arm="{arm}"] [data-figure="{name}"]').inner_text()


def memory(page: Page, arm: str) -> float:
    found = re.match(r"([\d,]+) MiB", figure(page, arm, "memory"))
    return float(found[1].replace(",", "")) if found else 0.0


def test_the_lines_part(page: Page) -> None:
    """In big figures, while the load goes on."""
    until(lambda: memory(page, "reused") > memory(page, "factory") + 5 > 30, PATIENCE_S, "the lines to part")
    until(lambda: "KiB" in figure(page, "reused", "bytes_per_request"), PATIENCE_S, "a growth per request")
    assert int(figure(page, "reused", "entries").replace(",", "")) > 100
    assert figure(page, "factory", "entries") == "0"


def test_it_fits_a_projector_and_a_phone(browser: Browser, demo: Demo) -> None:
    """Without scrolling on the one, and without scrolling sideways on the other."""
    for size, tall in ((PROJECTOR, False), (PHONE, True)):
        with browser.new_context(viewport=size) as context:
            one = context.new_page()
            one.goto(demo.page)
            expect(one.locator("#chart canvas")).to_be_visible()
            assert one.evaluate("document.documentElement.scrollWidth") <= size["width"]
            assert tall or one.evaluate("document.documentElement.scrollHeight") <= size["height"]
            chart = one.locator("#chart").bounding_box()
            assert chart
            assert tall or chart["height"] > 0.6 * size["height"]


def test_no_request_leaves_the_machine(browser: Browser, demo: Demo) -> None:
    """Also with all that can be shown."""
    with browser.new_context(viewport=PROJECTOR) as context:
        one, hosts = context.new_page(), set()
        one.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        one.goto(demo.page)
        expect(one.locator("#chart canvas")).to_be_visible()
        for key, panel in (("c", "#code"), ("o", "#cause")):
            one.keyboard.press(key)
            expect(one.locator(panel)).to_be_visible()
        assert hosts == {"127.0.0.1"}


def test_it_is_painted_at_once(page: Page) -> None:
    """Before the script that draws the chart has come: the figures stand without it."""
    order = page.evaluate(
        "[performance.getEntriesByName('first-contentful-paint')[0].startTime,"
        " performance.getEntriesByType('resource').find((one) => one.name.endsWith('charts.js')).responseEnd]"
    )
    assert order[0] > 0
    assert page.locator("script[src$='charts.js']").get_attribute("async") is not None


def test_dark_and_light(browser: Browser, demo: Demo) -> None:
    """As the system asks for, and by a key, which the page remembers."""
    for scheme, colour in (("dark", "rgb(17, 18, 23)"), ("light", "rgb(255, 255, 255)")):
        with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
            one = context.new_page()
            one.goto(demo.page)
            expect(one.locator("body")).to_have_css("background-color", colour)
            one.keyboard.press("t")
            expect(one.locator("body")).not_to_have_css("background-color", colour)
            one.reload()
            expect(one.locator("body")).not_to_have_css("background-color", colour)


@pytest.mark.parametrize("shown", ["", "c", "o", "?"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_no_serious_fault(browser: Browser, demo: Demo, scheme: str, shown: str) -> None:
    """Contrast, names of controls, landmarks: of the page and of each panel, dark and light."""
    with browser.new_context(viewport=PROJECTOR, color_scheme=scheme) as context:  # type: ignore[arg-type]
        one = context.new_page()
        one.goto(demo.page)
        expect(one.locator("#chart canvas")).to_be_visible()
        if shown:
            one.keyboard.press(shown)
            one.wait_for_selector({"c": "#code pre", "o": "#cause h2", "?": "#keys[open]"}[shown])
        found = Axe().run(one).response["violations"]
        serious = [
            (fault["id"], [node["html"][:120] for node in fault["nodes"]])
            for fault in found
            if fault["impact"] in {"serious", "critical"}
        ]
        assert serious == []


def test_the_code_is_that_of_the_source(page: Page) -> None:
    """The two lines that differ are marked."""
    page.keyboard.press("c")
    expect(page.locator("#code .marked")).to_have_count(2)
    marked = page.locator("#code .marked").all_inner_texts()
    assert marked[0].strip().startswith("raise Errors.user_not_found ")
    assert marked[1].strip().startswith("raise ErrorFactory.user_not_found()")


def test_the_cause_grows_as_requests_come(page: Page) -> None:
    """The object, where it is raised, and the frames that it retains."""
    page.keyboard.press("o")
    expect(page.locator("#cause .object b")).to_have_text("user_not_found")
    assert "service/lookups.py:22" in page.locator("#cause .object").inner_text()
    assert page.locator("#cause li").count() > 10

    def entries() -> int:
        return int(page.locator("#cause .object .big").inner_text().replace(",", ""))

    before = entries()
    until(lambda: entries() > before + 100, PATIENCE_S, "more entries")


@pytest.mark.parametrize(("field", "value"), [("rate", "0"), ("rate", "5000"), ("rate", "many"), ("context_kb", "1.5")])
def test_a_value_out_of_range_is_refused_beside_its_field(page: Page, demo: Demo, field: str, value: str) -> None:
    """With a sentence that says what can be set; the load goes on as it was."""
    page.locator(f"#field-{field}").fill(value)
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-refused="{field}"]')).to_contain_text("Set a ")
    assert demo.state()["stage"]["rate"] == "50"


def test_the_rate_and_the_context_follow(page: Page, demo: Demo) -> None:
    """In the load itself: more requests a second, and more bytes for each."""

    def rate() -> float:
        rows = [row for row in demo.state()["rows"] if row["arm"] == "factory"][-4:]
        return float((rows[-1]["requests"] - rows[0]["requests"]) / (rows[-1]["elapsed_s"] - rows[0]["elapsed_s"]))

    def set_rate(value: float) -> None:
        page.locator("#field-rate").fill(f"{value:g}")
        page.keyboard.press("Enter")
        until(lambda: abs(rate() - value) < 0.3 * value, PATIENCE_S, f"{value:g} requests a second")

    set_rate(150)
    set_rate(50)
    page.locator("#field-context_kb").fill("200")
    page.keyboard.press("Enter")
    until(
        lambda: (demo.state()["arms"]["reused"]["bytes_per_request"] or 0) > 150 * 1024, PATIENCE_S, "a larger context"
    )
    page.locator("#field-context_kb").fill("16")
    page.keyboard.press("Enter")
    until(lambda: demo.state()["stage"]["context_kb"] == 16, PATIENCE_S, "the old context")
    until(
        lambda: [mark for mark in demo.marks() if "context" in mark] == ["context 200 KiB", "context 16 KiB"],
        PATIENCE_S,
        "marks",
    )


def test_a_reload_keeps_the_history_and_two_browsers_see_the_same(page: Page, browser: Browser, demo: Demo) -> None:
    """All rows since the load began."""
    page.reload()
    expect(page.locator("#chart canvas")).to_be_visible()
    with browser.new_context() as context:
        other = context.new_page()
        other.goto(demo.page)
        expect(other.locator("#chart canvas")).to_be_visible()
        first = [one.evaluate("last.rows.filter((row) => row.elapsed_s < 10)") for one in (page, other)]
    assert len(first[0]) >= 10  # one a second of each arm, on a machine that is busy
    assert first[0] == first[1]


def test_a_lost_connection_says_so_and_comes_back(page: Page) -> None:
    """The last samples stay."""
    page.context.set_offline(True)
    expect(page.locator("#state")).to_contain_text("No answer from Locust")
    assert memory(page, "reused") > 0
    page.context.set_offline(False)
    expect(page.locator("#state")).to_contain_text("of load")


def test_an_arm_that_dies_is_down_and_then_a_mark(page: Page, demo: Demo) -> None:
    """The demo starts it again."""
    demo.arm("factory").kill()
    until(lambda: any(mark["words"] == "factory restarted" for mark in demo.state()["marks"]), PATIENCE_S, "the mark")
    until(lambda: figure(page, "factory", "restarts") == "0, 1", PATIENCE_S, "the figure")


def test_the_speaker_notes_follow_in_a_second_window(page: Page) -> None:
    """Which can go on, too."""
    with page.context.expect_page() as opened:
        page.keyboard.press("n")
    notes = opened.value
    page.bring_to_front()
    page.keyboard.press("ArrowRight")
    title = page.locator("#act-title").inner_text().partition(" ")[2].strip()
    expect(notes.locator("#notes-title")).to_contain_text(title)
    assert len(notes.locator("#notes-text").inner_text()) > 40


def test_the_whole_script_is_played_with_the_right_arrow(page: Page, demo: Demo) -> None:
    """The fix, the release and the way back happen in the real arm; the last act is the verdict, with its files."""
    page.evaluate("sessionStorage.clear()")
    page.reload()
    until(lambda: (demo.state()["arms"]["reused"]["entries"] or 0) > 1000, PATIENCE_S, "entries")
    acts = page.evaluate("page.acts.map((act) => act.title)")
    done = {
        "The code": lambda: page.locator("#code .marked").count() == 2,
        "The cause": lambda: page.locator("#cause li").count() > 5,
        "The fix, live": lambda: demo.lab("reused")["strategy"] == "factory",
        "Release": lambda: demo.lab("reused")["retained"] == {},
        "And back": lambda: demo.lab("reused")["strategy"] == "reused",
    }
    for number, title in enumerate(acts, start=1):
        page.keyboard.press("ArrowRight")
        expect(page.locator("#act-title")).to_have_text(re.compile(rf"^{number}/{len(acts)}\s+{title}$"))
        until(done.get(title, lambda: True), PATIENCE_S, title)
    expect(page.locator("#ending h2")).to_contain_text("The verdict: ")

    def done_to_it() -> str:
        return re.sub(r"[\d,]+", "n", "; ".join(demo.marks()))

    script = "fix applied; released n MiB; fix taken back; load stopped"
    until(lambda: done_to_it().endswith(script), PATIENCE_S, f"{script} in {done_to_it()}")
    for name in ("Download the report", "Download the picture"):
        with page.expect_download() as download:
            page.get_by_text(name).click()
        assert download.value.path().stat().st_size > 20_000


def test_the_load_starts_again_with_another_twin(page: Page, demo: Demo) -> None:
    """A new run: the chart begins anew, and what it is about is said."""
    before = demo.state()["run"]
    page.locator("#field-twin").select_option("error-cache")
    until(lambda: demo.state()["run"] != before and len(demo.state()["rows"]) > 10, PATIENCE_S, "another run")
    expect(page.locator("#about")).to_contain_text("A cache of exceptions by key")
    until(lambda: (demo.state()["arms"]["reused"]["entries"] or 0) > 100, PATIENCE_S, "entries of the cache's error")
    page.keyboard.press("c")
    expect(page.locator("#code h3").first).to_have_text("held")
