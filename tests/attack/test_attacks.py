"""Each attack for a second, against a listener alone: it ends, leaves nothing, and an honest sender is served after it.

How honest senders fare meanwhile, with a whole node, is for ``make attack`` to say: it needs an idle machine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_io.receiving import AllowedCaller, Listener, ListenerSettings, Spool, TlsSettings
from tests.attack.attacks import ATTACKS
from tests.attack.honest import honest_store
from tests.certificates import Authority

pytestmark = pytest.mark.slow

SETTLING_SECONDS = 20.0


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return Spool(tmp_path_factory.mktemp("attacked") / "spool", min_free_bytes=0)


@pytest.fixture(scope="module")
def listener(spool: Spool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    ours = authority.identity("node")
    settings = ListenerSettings(
        ae_title="TWINVEIL",
        port=0,
        tls=TlsSettings(ours.certificate, ours.key, authority.root, port=0),
        allowed=(AllowedCaller("CAMERA", "127.0.0.0/29"),),
    )
    listener = Listener(settings, spool, lambda stored: None)
    listener.start()
    yield listener
    listener.stop(0)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_leaves_nothing_behind(listener: Listener, spool: Spool, name: str, repository: Path) -> None:
    command = [sys.executable, "-m", "tests.attack.attacks", name, listener.port, listener.tls_port, "127.0.0.2", "1.0"]
    subprocess.run([str(part) for part in command], cwd=repository, check=True, timeout=120)
    deadline = time.monotonic() + SETTLING_SECONDS
    while listener._connections.all() or list(spool.incoming.iterdir()):
        assert time.monotonic() < deadline, listener._connections.all()
        time.sleep(0.05)
    while honest_store(listener.port, 1) is None:
        assert time.monotonic() < deadline, "nobody is served"
