"""A reader of the report's page: what tests do in it, and see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import Report
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["FINDINGS", "HOSTS", "Page"]

HOSTS, FINDINGS = "#hosts-table", "#findings-table"


class Page:
    """One report in the browser."""

    def __init__(self, driver: Chrome, path: Path, report: Report) -> None:
        self.driver = driver
        self.path = path
        self.report = report

    def open(self) -> Page:
        self.driver.get(self.path.as_uri())
        return self

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return list(self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector))

    def wait_for(self, script: str, *arguments: Any) -> None:
        WebDriverWait(self.driver, 30).until(lambda _driver: self.js(f"return {script}", *arguments))

    def column(self, table: str, column: int) -> list[str]:
        return self.texts(f"{table} tbody tr[data-row] > :nth-child({column})")

    def hits(self, table: str, text: str) -> None:
        self.wait_for(
            "document.querySelector(arguments[0]).textContent === arguments[1]", f"{table} [role=status]", text
        )

    def choose(self, table: str, name: str) -> None:
        self.js(
            "[...document.querySelectorAll(arguments[0] + ' tbody button')]"
            ".find(button => button.textContent === arguments[1]).click()",
            table, name,
        )  # fmt: skip
        self.wait_for("document.getElementById('sheet').open")

    def sheet(self) -> str:
        return str(self.js("return document.getElementById('sheet-body').textContent"))

    def focused(self) -> str:
        return str(self.js("return document.activeElement.textContent"))

    def type(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)
