"""Write docs/images/report.png: the page of a run with a host of each kind, as the README shows it.

usage: make screenshot
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_report import render_html

from tests.integration.report_pages import mixed_report
from tests.rigs.browser import chromium, emulate, resize, screenshot

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1280, 1560


def main() -> None:
    """Take the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as driver:
        page = Path(folder) / "index.html"
        page.write_text(render_html(mixed_report()), encoding="utf-8")
        resize(driver, WIDTH, HEIGHT)
        emulate(driver, "light")
        driver.get(page.as_uri())
        screenshot(driver, PICTURE, width=WIDTH, height=HEIGHT)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
