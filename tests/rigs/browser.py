"""Chromium without a window, on a page that is a file, without a way to anywhere else.

Debian's chromium and chromium-driver (requirements/system-test.txt), driven with Selenium.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

__all__ = ["chromium", "console", "emulate", "missing_programs", "requested", "resize", "screenshot"]

#: A port where nothing listens: whatever wants to leave this machine fails, and leaves an error in the console.
NOWHERE = "127.0.0.1:9"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--hide-scrollbars", "--disable-dev-shm-usage", f"--proxy-server={NOWHERE}",
)  # fmt: skip


def missing_programs() -> list[str]:
    """Return what of the browser is not installed."""
    return [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start a browser with a profile of its own; it logs its console and every request."""
    with tempfile.TemporaryDirectory(prefix="softtoken-chromium-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = Chrome(options=options, service=ChromeService(str(shutil.which("chromedriver"))))
        try:
            yield driver
        finally:
            driver.quit()


def console(driver: Chrome) -> list[str]:
    """Return what the console said since it was last asked."""
    return [str(entry["message"]) for entry in driver.get_log("browser")]


def requested(driver: Chrome) -> list[str]:
    """Return the addresses that were requested since it was last asked."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]


def resize(driver: Chrome, width: int, height: int = 900) -> None:
    """Give the page a size, whatever window there is."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def emulate(driver: Chrome, scheme: str) -> None:
    """Let the system of the reader prefer light or dark, and nothing that moves: a click waits for no scrolling."""
    wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in wishes.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def screenshot(driver: Chrome, path: Path, *, width: int, height: int) -> None:
    """Write the top of the page as a picture."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    options: dict[str, Any] = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    path.write_bytes(base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]))
