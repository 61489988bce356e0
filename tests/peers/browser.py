"""A real browser without a screen, and what it says of a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.peers import require_peer
from tests.peers.processes import PATIENCE

WIDE, NARROW = (1280, 900), (400, 860)


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """Chromium with a profile of its own in ``folder``."""
    options = ChromeOptions()
    options.binary_location = str(require_peer("chromium"))
    for word in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking",
        "--hide-scrollbars", f"--user-data-dir={folder}", f"--window-size={WIDE[0]},{WIDE[1]}",
    ):  # fmt: skip
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(str(require_peer("chromedriver"))))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


class Window:
    """A browser's window on the page at ``base``."""

    def __init__(self, driver: Chrome, base: str) -> None:
        self.driver, self.base = driver, base

    def go(self, path: str) -> None:
        self.driver.get(self.base + path)

    @property
    def path(self) -> str:
        return str(self.driver.current_url).removeprefix(self.base)

    @property
    def text(self) -> str:
        return self.one("body").text

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def wait(self, script: str) -> Any:
        """What the expression ``script`` gives, once that is true of the page."""

        def holds(driver: Chrome) -> Any:
            return driver.execute_script(f"return {script}")

        return WebDriverWait(self.driver, PATIENCE, 0.05).until(holds)

    def press(self, *keys: str) -> None:
        """Keys to whatever has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def sign_in(self, name: str, password: str) -> None:
        self.driver.delete_all_cookies()
        self.go("/login")
        self.one("input[name=name]").send_keys(name)
        self.one("input[name=password]").send_keys(password, "\n")
        self.wait("document.readyState === 'complete' && (location.pathname !== '/login' || "
                  "document.querySelector('.complaint') !== null)")  # fmt: skip

    def complaints(self) -> list[str]:
        """What the console holds of errors, such as of what the policy of the page forbids."""
        return [
            str(line["message"]) for line in self.driver.get_log("browser") if line["level"] in {"SEVERE", "WARNING"}
        ]

    def size(self, size: tuple[int, int]) -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
        )

    def scheme(self, name: str) -> None:
        """ "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def hindrances(self, axe: str) -> list[str]:
        """What axe finds to keep people from using this page, serious or worse."""
        self.driver.execute_script(axe)
        asked = "axe.run(document, {resultTypes: ['violations']}).then((all) => arguments[0](all.violations))"
        found = self.driver.execute_async_script(asked)
        return [
            f"{self.path}: {each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
