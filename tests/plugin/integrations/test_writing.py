"""What is written for other systems: filled in whole, escaped, and nothing that exists is replaced."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dicom_io.standard import PHOTOGRAPH_CLASSES
from plugin.config import Configuration
from plugin.errors import ConfigurationRefused
from plugin.integrations import INTEGRATIONS, Site, site_of, write_integration
from plugin.integrations.writing import fill, templates_of

AWKWARD = "A'$B \"&<x>"
"""An AE title may hold all of this."""

SITE = Site(AWKWARD, "10.1.2.5", 11112, False, AWKWARD, "research", AWKWARD, AWKWARD)


def configured(folder: Path, **settings: Any) -> Configuration:
    archive = {"name": "archive", "ae_title": "ORTHANC", "host": "10.1.2.4", "port": 4242}
    base = {"folder": folder, "destinations": [archive], "callers": [{"ae_title": "ORTHANC", "network": "10.1.2.4/32"}]}
    return Configuration.model_validate(base | settings)


@pytest.mark.parametrize("name", INTEGRATIONS)
def test_every_place_is_filled_and_every_file_is_one_of_its_kind(tmp_path: Path, name: str) -> None:
    written = write_integration(name, SITE, tmp_path / name)
    assert tmp_path / name / "README.md" in written
    assert not INTEGRATIONS[name].script or tmp_path / name / INTEGRATIONS[name].script in written
    for path in written:
        text = path.read_text()
        assert "@{" not in text
        if path.suffix == ".json":
            json.loads(text)
        elif path.suffix == ".py":
            ast.parse(text)
        elif path.suffix == ".sh":
            assert path.stat().st_mode & 0o111
            assert subprocess.run(["sh", "-n", path], check=False).returncode == 0


def test_a_value_is_escaped_for_its_file() -> None:
    assert json.loads(fill("[@{ae}]", {"ae": AWKWARD}, ".json")) == [AWKWARD]
    said = subprocess.run(
        ["sh", "-c", fill("printf %s @{ae}", {"ae": AWKWARD}, ".sh")], capture_output=True, text=True, check=True
    )
    assert said.stdout == AWKWARD


def test_orthanc_is_told_what_the_node_takes(tmp_path: Path) -> None:
    write_integration("orthanc", SITE, tmp_path)
    settings = json.loads((tmp_path / "twinveil.json").read_text())
    assert settings["Twinveil"]["SopClasses"] == [str(uid) for uid in PHOTOGRAPH_CLASSES]
    node = settings["Twinveil"]["Node"]
    assert (node["AET"], node["Host"], node["Port"], node["UseDicomTls"]) == (AWKWARD, "10.1.2.5", 11112, False)
    assert Path(settings["PythonScript"]).read_text() == templates_of("orthanc")["twinveil_orthanc.py"]


def test_nothing_is_replaced_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "twinveil.json").write_text("mine")
    with pytest.raises(ConfigurationRefused, match=r"twinveil\.json exists and is kept"):
        write_integration("orthanc", SITE, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["twinveil.json"]
    assert (tmp_path / "twinveil.json").read_text() == "mine"


def test_the_site_follows_from_the_configuration(tmp_path: Path) -> None:
    site = site_of(configured(tmp_path), host="10.1.2.5")
    assert site == Site("TWINVEIL", "10.1.2.5", 11112, False, "TWINVEIL", "archive", "ORTHANC", "ORTHANC")
    tls = {"certificate": "c", "key": "k", "authorities": "a", "only": True}
    site = site_of(configured(tmp_path, tls=tls))
    assert (site.node_host, site.node_port, site.node_tls) == ("127.0.0.1", 2762, True)


def test_results_may_come_back_by_stow_rs(tmp_path: Path) -> None:
    by_web = {"name": "archive", "url": "https://archive.example/dicom-web/studies"}
    site = site_of(configured(tmp_path, destinations=[by_web]))
    assert (site.archive_name, site.archive_ae, site.caller_ae) == ("archive", "ORTHANC", "ORTHANC")


@pytest.mark.parametrize(
    ("settings", "given", "said"),
    [
        ({"destinations": []}, {}, "no destination is configured"),
        ({}, {"destination": "other"}, "no destination is called other; there are archive"),
        ({"listener": {"host": "0.0.0.0"}}, {}, "give --host"),
        ({"listener": {"port": 0}}, {}, "give it one"),
        ({"callers": []}, {}, r"list it among \[\[callers\]\]"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, settings: dict[str, Any], given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationRefused, match=said):
        site_of(configured(tmp_path, **settings), **given)


# The required keys and the permitted values of dcm4chee-arc-light's JSON schemas (exporter, exportRule; 5.2x and 5.3x).
EXPORTER = {
    "dcmExporterID", "dcmURI", "dcmQueueName", "dcmExportPriority", "dcmInstanceAvailability", "dicomAETitle",
    "dcmRejectForDataRetentionExpiry",
}  # fmt: skip
RULE = {"cn", "dcmEntity", "dcmExporterID", "dcmExportPreviousEntity", "dcmExportReoccurredInstances"}
CONDITION = re.compile(r"(SendingApplicationEntityTitle|[A-Za-z]+(\[\d+\])?)!?=.+")


def test_dcm4chee_is_given_what_its_schemas_ask_for(tmp_path: Path) -> None:
    write_integration("dcm4chee", SITE, tmp_path)
    exporter, rule = (json.loads((tmp_path / name).read_text()) for name in ("exporter.json", "export-rule.json"))
    assert exporter.keys() >= EXPORTER
    assert rule.keys() >= RULE
    assert rule["dcmEntity"] in {"Study", "Series", "Instance"}
    assert rule["dcmExportReoccurredInstances"] in {"NEVER", "ALWAYS", "REPLACE"}
    assert rule["dcmExporterID"] == [exporter["dcmExporterID"]]
    assert all(CONDITION.fullmatch(condition) for condition in rule["dcmProperty"])
    classes = next(each for each in rule["dcmProperty"] if each.startswith("SOPClassUID=")).partition("=")[2]
    assert all(re.fullmatch(classes, str(uid)) for uid in PHOTOGRAPH_CLASSES)
    assert not re.fullmatch(classes, "1.2.840.10008.5.1.4.1.1.66.4")


class Archive(BaseHTTPRequestHandler):
    """dcm4chee's REST API as far as the script uses it: devices that are read, made, changed; a reload."""

    devices: dict[str, Any]
    seen: list[tuple[str, str, str | None]]

    def _answer(self, content: Any = None, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _any(self) -> None:
        self.seen.append((self.command, self.path, self.headers["Authorization"]))
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        name = self.path.rpartition("/")[2]
        exists = name in self.devices
        if self.path == "/arc/ctrl/reload":
            self._answer()
        elif self.command == "GET":
            self._answer(self.devices.get(name), 200 if exists else 404)
        elif exists != (self.command == "PUT"):
            self._answer(status=409)
        else:
            self.devices[name] = json.loads(body)
            self._answer()

    do_GET = do_PUT = do_POST = _any

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def archive() -> Iterator[ThreadingHTTPServer]:
    rules = [{"cn": "other"}, {"cn": "Twinveil", "dcmEntity": "Study"}]
    Archive.devices = {"dcm4chee-arc": {"dcmDevice": {"dcmArchiveDevice": {"dcmExportRule": rules, "kept": 1}}}}
    Archive.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_script_puts_all_three_in_and_again_changes_nothing(tmp_path: Path, archive: ThreadingHTTPServer) -> None:
    write_integration("dcm4chee", SITE, tmp_path)
    address = f"http://127.0.0.1:{archive.server_port}/arc"
    environment = {"ARC": address, "TOKEN": "secret", "PATH": "/usr/bin:/bin", "NO_PROXY": "*"}
    for _ in range(2):
        done = subprocess.run([tmp_path / "apply.sh"], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        section = Archive.devices["dcm4chee-arc"]["dcmDevice"]["dcmArchiveDevice"]
        assert section["kept"] == 1
        assert [each["cn"] for each in section["dcmExportRule"]] == ["other", "Twinveil"]
        assert section["dcmExportRule"][1]["dcmEntity"] == "Series"
        assert [each["dcmExporterID"] for each in section["dcmExporter"]] == ["TWINVEIL"]
        assert Archive.devices["twinveil"]["dicomNetworkAE"][0]["dicomAETitle"] == AWKWARD
    assert [each[:2] for each in Archive.seen].count(("POST", "/arc/ctrl/reload")) == 2
    assert {each[2] for each in Archive.seen} == {"Bearer secret"}
    before = json.loads((tmp_path / "dcm4chee-arc.before.json").read_text())
    assert "dcmExporter" in before["dcmDevice"]["dcmArchiveDevice"], "the second run kept what the first one made"
