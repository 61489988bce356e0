"""What runs the node elsewhere, as far as it can be checked without an engine: no root, no fetching, nothing open."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.config import load_configuration
from plugin.integrations import site_of, write_integration


@pytest.fixture
def deploy(repository: Path) -> Path:
    return repository / "deploy"


@pytest.fixture
def compose(deploy: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((deploy / "compose" / "compose.yaml").read_text())
    return content


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Instruction and arguments, comments dropped and continued lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def test_the_image_runs_as_nobody_and_fetches_nothing(deploy: Path) -> None:
    steps = instructions(deploy / "Dockerfile")
    names = [name for name, _ in steps]
    assert names.count("FROM") == 2
    assert "ADD" not in names
    users = [value for name, value in steps if name == "USER"]
    assert users == ["10001:10001"]
    last_stage = names[len(names) - names[::-1].index("FROM"):]
    assert not {"RUN", "COPY"} & set(last_stage[last_stage.index("USER"):]), "nothing is added as the user that runs"
    runs = " ".join(value for name, value in steps if name == "RUN")
    assert "--no-index" in runs
    assert not re.search(r"\b(curl|wget|apt-get|git|https?:)", runs)
    for name, value in steps:
        if name in {"ENTRYPOINT", "CMD"}:
            assert json.loads(value), "in the form without a shell, so that signals arrive"


def test_what_the_image_is_built_from_is_the_wheels_alone(repository: Path, deploy: Path) -> None:
    assert (repository / ".dockerignore").read_text().split() == ["*", "!build/wheels"]
    copied = [value for name, value in instructions(deploy / "Dockerfile") if name == "COPY" and "--from" not in value]
    assert copied == ["build/wheels /wheels"]


def test_services_have_no_privileges_and_ports_are_of_loopback(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) >= {"twinveil", "orthanc"}
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & service.keys(), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert compose["services"]["twinveil"]["networks"] == ["dicom"]
    assert compose["networks"]["dicom"]["internal"] is True


def test_the_configuration_of_the_compose_file_is_one(deploy: Path, compose: dict[str, Any], tmp_path: Path) -> None:
    configuration = load_configuration(deploy / "compose" / "twinveil.toml")
    (subnet,) = compose["networks"]["dicom"]["ipam"]["config"]
    assert all(ip_network(caller.network) == ip_network(subnet["subnet"]) for caller in configuration.callers)
    assert all(destination.host in compose["services"] for destination in configuration.destinations)
    site = site_of(configuration, host="twinveil")
    assert site.caller_ae == json.loads((deploy / "compose" / "orthanc.json").read_text())["DicomAet"]
    written = {path.name for path in write_integration("orthanc", site, tmp_path)}
    mounted = [volume.split(":")[0] for volume in compose["services"]["orthanc"]["volumes"]]
    from_us = {Path(path).name for path in mounted if path.startswith("./orthanc/")} - {"users.json"}
    assert from_us <= written
    # Orthanc refuses a setting that stands in two of its files.
    both = [json.loads(path.read_text()) for path in (deploy / "compose" / "orthanc.json", tmp_path / "twinveil.json")]
    assert not both[0].keys() & both[1].keys()


def test_the_unit_exposes_little(deploy: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not installed")
    said = subprocess.run(
        [analyse, "security", "--offline=true", "--no-pager", deploy / "twinveil.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for twinveil\.service: ([\d.]+)", said.stdout)
    if found is None:
        pytest.skip(f"systemd-analyze cannot look at files: {said.stderr.strip()}")
    assert float(found[1]) < 2.0


def test_the_unit_does_not_start_again_on_a_refused_configuration(deploy: Path) -> None:
    unit = (deploy / "twinveil.service").read_text()
    assert "RestartPreventExitStatus=2" in unit
    assert re.search(r"^User=twinveil$", unit, flags=re.MULTILINE)
