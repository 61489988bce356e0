"""One running site for all tests of the page, and browsers without a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from plugin.web import Desk, page_application
from tests.plugin.web.state import PASSWORD, Site, quickly_signed_in_site

HOST = "http://127.0.0.1:8123"


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with quickly_signed_in_site(tmp_path_factory.mktemp("site"), held_ones=4) as site:
        yield site


@pytest.fixture
def desk(site: Site) -> Desk:
    return site.desk()


def browser(desk: Desk, **more: Any) -> TestClient:
    """Somebody who has not signed in. Redirects are told, not followed."""
    return TestClient(page_application(desk), base_url=HOST, follow_redirects=False, **more)


def token(page: str, name: str = "csrf") -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, page
    return found.group(1)


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> Any:
    before = token(client.get("/login").text, "before")
    return client.post("/login", data={"name": name, "password": password, "before": before})


@pytest.fixture
def signed_in(desk: Desk) -> Callable[[str], TestClient]:
    def of(name: str) -> TestClient:
        client = browser(desk)
        assert sign_in(client, name).headers["location"] == "/"
        return client

    return of
