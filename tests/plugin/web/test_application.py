"""Who gets in, and how far: roles, forms, sessions, proxies, and what browsers are told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from plugin.web import PAGES, Desk, page_application
from plugin.web.desk import BY_ITSELF
from plugin.web.guard import LARGEST_FORM
from plugin.web.users import Standing
from tests.plugin.web.conftest import browser, sign_in, token
from tests.plugin.web.state import PASSWORD, USERS, Site, held

Signs = Callable[[str], TestClient]


def paths_of(site: Site, desk: Desk) -> list[tuple[str, str, int]]:
    """Method, a path that there is, and the standing that it needs, of every page."""
    job = desk.shelf.all()[0].job
    (entry, *_) = held(site, "FaceSuspected")
    values = {"{job}": job, "{number:int}": "0", "{kind}": "sick", "{name}": entry}
    found = []
    for page in PAGES:
        path = page.path
        for name, value in values.items():
            path = path.replace(name, value)
        path = path.replace(f"/static/{entry}", "/static/page.css").replace(
            f"/destinations/{entry}", "/destinations/archive"
        )
        found.append((page.method, path, page.least))
    return found


def test_each_page_is_for_those_whom_its_row_names_and_for_nobody_else(site: Site, desk: Desk) -> None:
    for name in (None, *USERS):
        client = browser(desk)
        if name is not None:
            sign_in(client, name)
        standing = 0 if name is None else Standing[USERS[name].upper()]
        for method, path, least in paths_of(site, desk):
            if path in {"/logout", "/login"}:
                continue
            csrf = "" if name is None else token(client.get("/").text)
            answer = client.request(method, path, data={"csrf": csrf} if method == "POST" else None)
            if least <= standing:
                assert answer.status_code in {200, 303, 400}, (name, method, path, answer.status_code)
                assert answer.headers.get("location") != "/login"
            elif name is None:
                assert (answer.status_code, answer.headers["location"]) == (303, "/login"), (method, path)
            else:
                assert answer.status_code == 403, (name, method, path)


@pytest.mark.parametrize("path", ["/nowhere", "/quarantine/none/original/more", "/static/../users.json", "/docs"])
def test_what_is_no_page_is_not_there(signed_in: Signs, path: str) -> None:
    assert signed_in("ada").get(path).status_code == 404


def test_a_wrong_name_and_a_wrong_password_are_told_alike_and_soon_have_to_wait(site: Site) -> None:
    desk = site.desk(failures_per_minute=3)
    client = browser(desk)
    said = []
    for name in ("rosa", "nobody", "rosa"):
        answer = sign_in(client, name, "not the password at all")
        assert answer.status_code == 403
        said.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(set(said)) == 1
    answer = sign_in(client, "rosa")  # the right password, too late
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "twinveil" not in client.cookies


def test_a_name_that_was_tried_too_often_waits_whatever_the_address(site: Site) -> None:
    desk = site.desk(failures_per_minute=2)
    for number in range(2):
        sign_in(browser(desk, client=(f"10.0.0.{number}", 5)), "rosa", "wrong password")
    assert sign_in(browser(desk, client=("10.0.0.9", 5)), "rosa").status_code == 429
    assert sign_in(browser(desk, client=("10.0.0.9", 5)), "vera").status_code == 303


def test_a_form_of_signing_in_is_of_the_browser_that_asked_for_it(desk: Desk) -> None:
    somebody, victim = browser(desk), browser(desk)
    before = token(somebody.get("/login").text, "before")
    answer = victim.post("/login", data={"name": "rosa", "password": PASSWORD, "before": before})
    assert answer.status_code == 403
    assert "twinveil" not in victim.cookies


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        ({}, {}),
        ({}, {"csrf": "of another session"}),
        ({"origin": "https://elsewhere.example"}, {"csrf": "right"}),
        ({"origin": "null"}, {"csrf": "right"}),
        ({"sec-fetch-site": "cross-site"}, {"csrf": "right"}),
        ({"sec-fetch-site": "same-site"}, {"csrf": "right"}),
    ],
)
def test_a_form_without_the_sessions_token_or_from_elsewhere_changes_nothing(
    signed_in: Signs, site: Site, headers: dict[str, str], data: dict[str, str]
) -> None:
    client = signed_in("rosa")
    if data.get("csrf") == "right":
        data = {"csrf": token(client.get("/").text)}
    before = held(site, "FaceSuspected")
    stated = {"entry": before[0], "deed": "discard", "reason": "because", "sure": "yes", **data}
    assert client.post("/quarantine", data=stated, headers=headers).status_code == 403
    assert held(site, "FaceSuspected") == before


def test_a_form_that_is_too_large_is_not_read(signed_in: Signs) -> None:
    assert signed_in("rosa").post("/quarantine", content=b"a=" + bytes(LARGEST_FORM)).status_code == 413


def test_a_session_ends_when_nobody_clicks_and_in_any_case_after_its_hours(site: Site) -> None:
    now = [1000.0]
    desk = site.desk(idle_minutes=10, session_hours=1)
    desk.sessions._clock = lambda: now[0]
    client = browser(desk)
    sign_in(client, "vera")
    now[0] += 9 * 60
    assert client.get("/").status_code == 200
    now[0] += 9 * 60
    assert client.get("/", headers={BY_ITSELF: "1"}).status_code == 200  # a page by itself, and no click
    now[0] += 2 * 60
    assert client.get("/").headers["location"] == "/login"
    sign_in(client, "vera")
    for _ in range(7):
        now[0] += 9 * 60
        last = client.get("/")
    assert last.headers["location"] == "/login"


def test_who_signs_out_or_is_removed_is_out_and_an_old_cookie_is_of_no_use(site: Site, desk: Desk) -> None:
    client = browser(desk)
    sign_in(client, "vera")
    kept = client.cookies["twinveil"]
    assert client.post("/logout", data={"csrf": token(client.get("/").text)}).headers["location"] == "/login"
    again = browser(desk, cookies={"twinveil": kept})
    assert again.get("/").headers["location"] == "/login"
    desk.users.add("zoe", "admin", PASSWORD)
    sign_in(client, "zoe")
    assert client.get("/").status_code == 200
    desk.users.remove("zoe")
    desk.users.add("zoe", "viewer", PASSWORD)
    assert client.get("/").headers["location"] == "/login"
    desk.users.remove("zoe")


def test_signing_in_gives_a_new_session_and_cookies_that_scripts_do_not_see(site: Site, desk: Desk) -> None:
    client = browser(desk, cookies={"twinveil": "planted by somebody"})
    answer = sign_in(client, "vera")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "planted" not in cookie
    assert "Secure" not in cookie
    over_tls = page_application(site.desk(certificate="a.pem", key="a.key"))
    secured = TestClient(over_tls, base_url="https://127.0.0.1:8123", follow_redirects=False)
    answer = sign_in(secured, "vera")
    assert answer.headers["set-cookie"].startswith("__Host-twinveil=")
    assert "Secure" in answer.headers["set-cookie"].split("; ")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert secured.get("/").status_code == 200


def by_proxy(site: Site, address: str) -> TestClient:
    desk = site.desk(proxies=["10.9.8.7"], proxy_header="X-Remote-User", names=["page.example.org"])
    return TestClient(
        page_application(desk), base_url="http://page.example.org", follow_redirects=False, client=(address, 5)
    )


def test_a_proxys_word_is_taken_from_its_address_alone(site: Site) -> None:
    proxy, foreign = by_proxy(site, "10.9.8.7"), by_proxy(site, "10.9.8.8")
    word = {"X-Remote-User": "rosa"}
    answer = proxy.get("/", headers=word)
    assert answer.status_code == 200
    assert "rosa, reviewer" in answer.text
    assert foreign.get("/", headers=word).status_code == 403
    assert foreign.get("/", headers={**word, "X-Forwarded-For": "10.9.8.7"}).status_code == 403
    assert sign_in(foreign, "rosa").status_code == 403, "where a proxy answers for users, no password does"
    assert proxy.get("/", headers={"X-Remote-User": "nobody known"}).status_code == 403
    # A session of one user is none of another's, whom the proxy names on the same connection.
    assert "vera, viewer" in proxy.get("/", headers={"X-Remote-User": "vera"}).text
    assert proxy.get("/").status_code == 403


def test_a_proxy_that_speaks_tls_outside_has_cookies_secured(site: Site) -> None:
    word = {"X-Remote-User": "rosa", "X-Forwarded-Proto": "https"}
    assert "Secure" in by_proxy(site, "10.9.8.7").get("/", headers=word).headers["set-cookie"]


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", ""])
def test_another_host_name_is_turned_away(desk: Desk, host: str) -> None:
    assert browser(desk).get("/login", headers={"host": host}).status_code == 421


def test_every_answer_binds_the_browser_and_no_page_has_script_or_style_inside(
    site: Site, desk: Desk, signed_in: Signs
) -> None:
    client = signed_in("ada")
    for method, path, _ in paths_of(site, desk):
        if method == "POST":
            continue
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert not re.findall(
                r"<script(?![^>]* src=\"/static/)|<style|\sstyle=|\son[a-z]+=|javascript:", answer.text
            )
            assert not re.findall(r"(?:src|href|action)=\"(?:https?:)?//", answer.text), "nothing from elsewhere"


def test_users_are_kept_hashed_and_damage_lets_nobody_in(site: Site, desk: Desk) -> None:
    content = desk.users.path.read_text()
    assert PASSWORD not in content
    assert json.loads(content)["vera"]["password"].startswith("$argon2id$")
    assert desk.users.path.stat().st_mode & 0o077 == 0
    client = browser(desk)
    sign_in(client, "vera")
    desk.users.path.write_text("{")
    try:
        answer = client.get("/")
        assert (answer.status_code, "is damaged" in answer.text) == (503, True)
    finally:
        desk.users.path.write_text(content)


@pytest.mark.parametrize(
    "page",
    [
        {"port": 8443, "host": "0.0.0.0"},
        {"port": 8443, "certificate": "a.pem"},
        {"proxies": ["10.0.0.1"]},
        {"proxies": ["nginx"], "proxy_header": "X-Remote-User"},
        {"proxy_header": "X-Remote-User"},
    ],
)
def test_a_page_that_would_be_open_is_refused_at_the_start(site: Site, page: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"certificate|proxies|address"):
        site.configuration.page.model_validate(page)
