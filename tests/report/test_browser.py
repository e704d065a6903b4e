"""The report as a browser shows it: no error, no request; it is zoomed, read off, used by keys and on a phone."""

import os
import shutil

import pytest
from made_up_report import MadeUpNight

from soxslib.report.build import build

pytestmark = pytest.mark.browser
IS_NEEDED = "browser" in os.environ.get("SOXS_TESTS_NEED", "")  # then these tests fail where they would be skipped
if IS_NEEDED:
    import playwright.sync_api as playwright
else:
    playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report's directory for a night of 100 targets with spectra of both arms."""
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build(MadeUpNight(targets=100).plan)
    return folder / "report"


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        (pytest.fail if IS_NEEDED else pytest.skip)("no Chromium here; apt-get install chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, report):
    """Function that opens a page and checks at the end that it said and asked for nothing."""
    contexts, messages, requests = [], [], []

    def open_page(name, size=DESK, **more):
        contexts.append(browser.new_context(viewport=size, **more))
        page = contexts[-1].new_page()
        page.on("console", lambda m: messages.append(m.text))
        page.on("pageerror", lambda e: messages.append(str(e)))
        page.on("request", lambda r: requests.append(r.url))
        file, _, place = name.partition("#")
        page.goto((report / file).as_uri() + (f"#{place}" if place else ""), wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert messages == []
    assert [r for r in requests if not r.startswith(("file:", "data:"))] == []


def view(page):
    return page.evaluate("soxsPlot.view")


def first_target(report):
    return f"target/{sorted((report / 'target').glob('*SN000.html'))[0].name}"


def test_a_hundred_targets_open_in_under_a_second(visit, report):
    """Time of the page's own thread, since other programs share the machine."""
    page = visit("trends.html")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto((report / "index.html").as_uri(), wait_until="load")
    page.wait_for_timeout(200)
    spent = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    assert page.locator("table.targets tbody tr").count() == 101
    assert spent["TaskDuration"] < 1.0


def test_links_lead_from_the_night_to_a_target_to_a_calibration_and_back(visit):
    page = visit("index.html")
    page.get_by_role("link", name="SN042").click()
    assert page.locator("h1").inner_text().startswith("SN042")
    page.get_by_role("link", name="20260127T170000_VIS_MFLAT").first.click()
    assert "master flat" in page.locator("h1").inner_text()
    page.get_by_role("link", name="report").click()
    assert "Night of 2026-01-27" in page.locator("h1").inner_text()


def test_targets_are_found_by_name(visit):
    page = visit("index.html")
    page.get_by_label("Find").fill("sn007")
    assert page.locator("table.targets tbody tr:visible").count() == 1


def test_both_arms_are_shown_and_zoomed_by_wheel_button_and_key(visit, report):
    page = visit(first_target(report))
    low, high = view(page)
    assert low < 351 and high > 2025
    page.locator("#spectrum").hover()
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(100)
    wheel = view(page)
    assert wheel[1] - wheel[0] < 0.6 * (high - low)
    page.get_by_role("button", name="zoom in").click()
    button = view(page)
    page.locator("#spectrum").press("+")
    key = view(page)
    assert key[1] - key[0] < button[1] - button[0] < wheel[1] - wheel[0]
    page.locator("#spectrum").press("0")
    assert view(page) == pytest.approx([low, high])


def test_the_spectrum_is_read_off_by_keys(visit, report):
    page = visit(first_target(report) + "#nm=650,660")
    assert view(page) == pytest.approx([650, 660], abs=0.01)
    page.locator("#spectrum").press("ArrowRight")
    text = page.locator("#readout").inner_text()
    assert "λ 655." in text and "±" in text and "order r" in text and "good" in text and "erg" in text


def test_smoothing_lessens_the_noise_that_is_drawn(visit, report):
    page = visit(first_target(report) + "#nm=450,460")
    page.wait_for_timeout(100)
    span = lambda: page.evaluate("soxsPlot.y[1] - soxsPlot.y[0]")
    before = span()
    page.locator("#smooth").fill("10")
    page.wait_for_timeout(100)
    assert span() < 0.6 * before  # of 21 bins: the noise falls to 0.22


def test_counts_take_the_place_of_fluxes(visit, report):
    page = visit(first_target(report))
    page.locator("#kind").select_option("counts")
    page.locator("#spectrum").press("ArrowRight")
    assert "electron per bin" in page.locator("#readout").inner_text()


def test_a_trend_is_read_off_and_leads_to_its_product(visit):
    page = visit("trends.html")
    page.locator("#step").select_option("stare")
    page.locator("#metric").select_option("EXTRACTION CHI2")
    page.wait_for_timeout(100)
    page.locator("#trend").press("ArrowRight")
    page.locator("#trend").press("ArrowRight")
    assert "EXTRACTION CHI2 1.8" in page.locator("#readout").inner_text()
    page.locator("#axis").select_option("rotator")
    assert page.locator("#readout").inner_text().startswith("100 values")
    page.locator("#trend").press("ArrowRight")
    page.locator("#trend").press("Enter")
    page.wait_for_url("**/target/**")


@pytest.mark.parametrize("name", ["index.html", "trends.html", "target"])
def test_a_phone_shows_it_without_scrolling_sideways(visit, report, name):
    page = visit(first_target(report) if name == "target" else name, PHONE, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_two_fingers_zoom(visit, report):
    page = visit(first_target(report), PHONE, has_touch=True)
    low, high = view(page)
    page.evaluate(
        """() => { const c = document.getElementById('spectrum'), box = c.getBoundingClientRect();
        const send = (kind, id, x) => c.dispatchEvent(new PointerEvent(kind, {pointerId: id, pointerType: 'touch',
            clientX: box.left + x, clientY: box.top + 90, bubbles: true}));
        c.setPointerCapture = () => {};
        send('pointerdown', 1, 150); send('pointerdown', 2, 200);
        for (let k = 1; k <= 10; k++) { send('pointermove', 1, 150 - 5 * k); send('pointermove', 2, 200 + 5 * k); }
        send('pointerup', 1, 100); send('pointerup', 2, 250); }"""
    )
    now = view(page)
    assert now[1] - now[0] < 0.5 * (high - low)  # fingers 50 px apart move to 150: a third


def test_dark_and_light(visit):
    page = visit("index.html", color_scheme="dark")
    colour = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = colour()
    page.get_by_label("Light or dark").click()
    assert colour() == "rgb(255, 255, 255)" != dark


def tab_to(page, selector, most=80):
    """Presses Tab until what a selector names has the focus, and sees to it that one sees where that is."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    pytest.fail(f"Tab does not reach {selector}")


def test_all_is_reached_without_a_mouse(visit):
    page = visit("index.html")
    tab_to(page, "#find")
    page.keyboard.type("sn004")
    tab_to(page, "a.target")
    page.keyboard.press("Enter")
    page.wait_for_url("**/target/**")
    before = view(page)
    tab_to(page, "#spectrum")
    page.keyboard.press("+")
    assert view(page) != before
    tab_to(page, "details:not([open]) > summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")
    tab_to(page, "table.cal a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/calibration/**")
