"""Pages in a real browser: whole at both widths, without errors, and without a request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.quantize import Config, quantize
from edgeq.quantize.explain import explain
from edgeq.report.html.page import page
from edgeq.report.losses import advice
from tests.models.projects import need
from tests.quantize import float_nets
from tests.report.html.test_page import HOSTILE, figures, renamed
from tests.small_networks import network

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")

# Boxes of what must be seen, in CSS pixels; ``wide`` are elements that stick out of the page.
MEASURE = """
const box = e => { const r = e.getBoundingClientRect(); return [r.width, r.height]; };
const all = (what, of) => [...document.querySelectorAll(what)].map(of);
const wide = e => e.getBoundingClientRect().right > window.innerWidth + 0.5
  && !e.closest('.scroll') && !e.closest('svg');
return {
  inner: window.innerWidth,
  scroll: document.documentElement.scrollWidth,
  sections: Object.fromEntries(all('section', e => [e.id, box(e)])),
  seen: all('section', e => e.checkVisibility({opacityProperty: true, visibilityProperty: true})),
  charts: all('svg.chart', box),
  marks: all('svg.chart', e => e.querySelectorAll('path, rect, circle, polyline').length),
  wide: [...document.querySelectorAll('body *')].filter(wide).map(e => e.outerHTML.slice(0, 90)),
  paper: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.body).color,
  text: document.body.innerText,
  title: document.title,
  scripts: document.scripts.length,
};
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium, driver = need("chromium"), need("chromedriver")
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield made
    made.quit()


def compared() -> dict[str, Any]:
    """Return the figures of a network with everything that a page can have."""
    floats = float_nets.residual()
    samples = list(float_nets.samples(floats))
    integers = quantize(floats, samples, Config())
    found = figures(integers, "cortex-m4", "portable")
    losses = [{**one.facts(), "advice": advice(one)} for one in explain(floats, integers, samples)]
    losses[0] |= {"isolated": np.inf, "accumulated": -12.5, "clipped": 0.25}
    given = {"float": "f.npz", "calibration": "x.npz", "samples": 3, "limit": 3, "data": []}
    bench = {
        "target": "cortex-m4",
        "runner": "an emulator",
        "compiler": "a compiler",
        "counted": "instructions",
        "total_instructions": 10_000,
        "layers": [{"instructions": 77_000_000} for _ in found["inspect"][0]["layers"]],
        "memory": [
            {"flash": row["flash_data"] + 9, "ram": 1} for row in found["inspect"][0]["layers"]
        ],
        "flash": 99_999,
        "flash_code": 9_999,
        "flash_data": 90_000,
    }
    missed = {"target": "portable", "error": "no compiler found"}
    return {
        **found,
        "explain": {**given, "equalize": False, "losses": losses},
        "bench": [bench, missed],
    }


PAGES = {
    "everything": compared,
    "hostile": lambda: figures(renamed(network(), HOSTILE[0]), "portable", model=HOSTILE[1]),
    "long": lambda: figures(renamed(network(), HOSTILE[-1]), "portable", model="m" * 200),
}


@pytest.fixture(scope="module", params=list(PAGES))
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "report.html"
    path.write_text(page(PAGES[request.param]()), encoding="utf-8")
    return path


def look(browser: Any, path: Path, width: int, scheme: str) -> dict[str, Any]:
    """Load a page as a screen of this width shows it, and measure it."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(path.as_uri())
    measured: dict[str, Any] = browser.execute_script(MEASURE)
    return measured


def requests(browser: Any) -> set[str]:
    """Return what was asked for since the page was loaded."""
    events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    sent = (e["params"] for e in events if e["method"] == "Network.requestWillBeSent")
    return {params["request"]["url"] for params in sent}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_is_whole(browser: Any, shown: Path, width: int, scheme: str) -> None:
    found = look(browser, shown, width, scheme)
    assert found["inner"] == width
    assert found["scroll"] <= width
    assert found["wide"] == []
    assert all(found["seen"])
    assert all(w > 0 and h > 0 for w, h in found["sections"].values())
    assert len(found["charts"]) >= 4
    assert all(w >= 20 and h >= 40 for w, h in found["charts"])
    assert all(found["marks"])
    assert found["scripts"] == 0
    assert browser.get_log("browser") == []
    assert {url for url in requests(browser) if url != "data:,"} == {shown.as_uri()}


def test_colours_follow_the_scheme(browser: Any, shown: Path) -> None:
    light, dark = (look(browser, shown, 390, scheme) for scheme in SCHEMES)
    brightness = [
        [sum(map(int, seen[key][4:-1].split(", "))) for key in ("paper", "ink")]
        for seen in (light, dark)
    ]
    assert brightness[0][0] > 600 > 200 > brightness[0][1]
    assert brightness[1][0] < 200 < 600 < brightness[1][1]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown(browser: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(figures(renamed(network(), name), "portable")), encoding="utf-8")
    found = look(browser, path, 1280, "light")
    visible = "\\u202egnp.exe\\x1b[2J\\x00" if "\x00" in name else name
    assert found["title"] == f"{visible.strip()} · edgeq report"
    assert " ".join(visible.split()) in " ".join(found["text"].split())
    assert found["scripts"] == 0
    assert browser.get_log("browser") == []
