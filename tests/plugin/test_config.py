"""The configuration: what is refused, what is denied by default, and that every setting is explained."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from plugin.commands.init import commented_configuration
from plugin.config import Configuration, find_key_file, load_configuration
from plugin.errors import ConfigurationRefused

CALLER = '[[callers]]\nae_title = "CAMERA"\nnetwork = "10.1.0.0/16"\n'
ARCHIVE = "[[destinations]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\nport = 1\n"


def load(folder: Path, text: str) -> Configuration:
    path = folder / "twinveil.toml"
    path.write_text(text)
    return load_configuration(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kee_file = 'x'", "kee_file: unknown setting"),
        ("folder = '/'", "folder: unknown setting"),
        ("[listener]\nport = 11112\nprot = 1", "listener.prot: unknown setting"),
        ("[listener]\nport = 65536", "listener.port"),
        ("[listener]\nport = '11112'", "listener.port"),
        ("[listener]\nae_title = 'SEVENTEEN_LETTERS'", "listener.ae_title"),
        ("[listener]\nae_title = 'BACK\\SLASH'", "listener.ae_title"),
        ("[listener]\nprocesses = -1", "listener.processes"),
        ("[tls]\ncertificate = 'node.pem'", "tls: Value error, certificate, key and authorities belong together"),
        ("[tls]\nonly = true", "there would be no port at all"),
        ("[limits]\nmax_pending = 0", "limits.max_pending"),
        ("[[callers]]\nae_title = 'CAMERA'", "callers.0.network: Field required"),
        ("[[callers]]\nae_title = 'CAMERA'\nnetwork = 'everywhere'", "callers.0.network"),
        ("[[destinations]]\nname = '../up'\nae_title = 'A'\nhost = 'h'\nport = 1", "destinations.0.name"),
        ("[[callers]]\nae_title = 'CAMERA'\nnetwork = '10.1.0.0/16'\nhost = 'camera'", "host and port belong together"),
        ("[[destinations]]\nname = 'a'\nae_title = 'A'\nhost = 'h'", "either ae_title, host and port"),
        ("[[destinations]]\nname = 'a'\nurl = 'https://h/studies'\nport = 1", "either ae_title, host and port"),
        ("[[destinations]]\nname = 'a'\nurl = 'ftp://h/studies'", "destinations.0.url"),
        ("[[destinations]]\nname = 'a'\nurl = 'https://h/studies/'", "destinations.0.url"),
        ("[[destinations]]\nname = 'a'\nurl = 'http://h/studies'", "http is for this machine alone"),
        ("[[destinations]]\nname = 'a'\nurl = 'http://127.0.0.1/studies'\ntoken_file = 't'", "a url with https"),
        ("[[destinations]]\nname = 'a'\nurl = 'https://h/studies'\ntls = true", "a url says so itself"),
        (ARCHIVE + "authorities = 'a.pem'", "are for tls = true"),
        (ARCHIVE + "tls = true\ncertificate = 'c.pem'", "certificate and key belong together"),
        (ARCHIVE + "tls = true\ntoken_file = 't'", "a bearer token is for a url"),
        ("[[destinations]]\nname = 'a'\nurl = 'https://h/studies'\nkey = 'k'", "certificate and key belong together"),
        ("[[destinations]]\nname = 'a'\nurl = 'https://h/studies'\ncommitment = true", "by DIMSE alone"),
        (2 * "[[destinations]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\nport = 1\n", "same name"),
        ("[study]\nquiet_seconds = 0", "study.quiet_seconds"),
        ("[study]\nattempts = 4", "study.attempts"),
        ("[retries]\nattempts = 0", "retries.attempts"),
        ("state = ''", "state"),
        ("this is not TOML", "cannot be read"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationRefused) as refused:
        load(tmp_path, text)
    assert complaint in str(refused.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused) as refused:
        load(tmp_path, "[study]\nattempts = 9\n[listener]\nport = -1\n")
    assert len(str(refused.value).splitlines()) == 2


def test_the_policy_can_be_made_stricter_and_no_laxer(tmp_path: Path) -> None:
    assert load(tmp_path, "").policy.may_lack_face == ("close-up", "dermoscopy")
    assert load(tmp_path, "[policy]\nmay_lack_face = []\nsecond_look = false").policy.may_lack_face == ()
    for lax in ('["face"]', '["close-up", ""]', '"close-up"'):
        with pytest.raises(ConfigurationRefused, match="may_lack_face"):
            load(tmp_path, f"[policy]\nmay_lack_face = {lax}")


def test_nobody_may_call_and_nothing_leaves_unless_it_is_configured(tmp_path: Path) -> None:
    configuration = load(tmp_path, "")
    assert configuration.callers == configuration.destinations == ()
    assert configuration.listener.host == "127.0.0.1"


@pytest.mark.parametrize(("cores", "receiving"), [(None, 1), (1, 1), (2, 2), (4, 4), (64, 4)])
def test_as_many_processes_receive_as_there_are_cores_within_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int | None, receiving: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert load(tmp_path, "").listener.receiving == receiving
    assert load(tmp_path, "[listener]\nprocesses = 9").listener.receiving == 9


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    configuration = load(tmp_path, "key_file = 'keys/site.key'\nstate = 'work'")
    assert configuration.key_path == tmp_path / "keys" / "site.key"
    assert configuration.state_folder == tmp_path / "work"


def test_the_key_is_taken_from_option_file_and_variable_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINVEIL_KEY_FILE", "/variable")
    named = load(tmp_path, "key_file = '/file'")
    assert find_key_file(named, Path("/option")) == Path("/option")
    assert find_key_file(named) == Path("/file")
    assert find_key_file(load(tmp_path, "")) == Path("/variable")
    monkeypatch.delenv("TWINVEIL_KEY_FILE")
    with pytest.raises(ConfigurationRefused, match="twinveil init"):
        find_key_file(load(tmp_path, ""))


def test_a_configuration_never_changes(tmp_path: Path) -> None:
    configuration = load(tmp_path, CALLER)
    with pytest.raises(ValidationError):
        configuration.listener.port = 1


def sections() -> list[type[BaseModel]]:
    """Every model that the configuration is made of."""
    from plugin.config import Section

    return [Configuration, *(section for section in Section.__subclasses__() if section is not Configuration)]


def test_every_setting_says_what_it_is_for() -> None:
    unexplained = [
        f"{section.__name__}.{name}"
        for section in sections()
        for name, field in section.model_fields.items()
        if name != "folder" and not (field.description or isinstance(field.default, BaseModel))
    ]
    assert all(section.__doc__ for section in sections()), "a section is explained by its docstring"
    assert len(sections()) > 8
    assert not unexplained


def test_the_configuration_that_init_writes_holds_every_setting_at_its_default(tmp_path: Path) -> None:
    text = commented_configuration()
    written = load(tmp_path, text)
    assert written == load(tmp_path, "key_file = 'twinveil.key'")
    stated = tomllib.loads(text)
    for name, field in Configuration.model_fields.items():
        if name in {"folder", "callers", "destinations"}:
            continue
        if isinstance(field.default, BaseModel):
            assert set(stated[name]) == set(type(field.default).model_fields)
        else:
            assert name in stated


def test_the_examples_in_it_load_once_their_comment_signs_are_taken_off(tmp_path: Path) -> None:
    lines = commented_configuration().splitlines()
    begin = [number for number, line in enumerate(lines) if line.startswith("# [[")]
    assert len(begin) == 2
    for number in begin:
        end = lines.index("", number)
        lines[number:end] = [line.removeprefix("# ") for line in lines[number:end]]
    # Tables of a list may stand between others, so the text loads as a whole.
    configuration = load(tmp_path, "\n".join(lines))
    assert [caller.ae_title for caller in configuration.callers] == ["CAMERA"]
    assert [destination.name for destination in configuration.destinations] == ["archive"]
