"""What goes on failing is said once, and again when it is something else or had gone well in between."""

from __future__ import annotations

import logging

import pytest

from plugin.complaints import Complaints


def test_the_same_failure_is_said_once_and_another_one_as_well(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(logging.getLogger("plugin.test"))

    for error in (OSError(), OSError(), ValueError(), OSError()):
        complaints.failed("a job", error, "job %s: %s", "j1")

    assert [record.getMessage() for record in caplog.records] == [
        "job j1: OSError",
        "job j1: ValueError",
        "job j1: OSError",
    ]


def test_a_failure_after_a_success_is_news(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(logging.getLogger("plugin.test"))

    complaints.failed("a job", OSError(), "%s")
    complaints.succeeded("a job")
    complaints.failed("a job", OSError(), "%s")

    assert len(caplog.records) == 2


def test_what_fails_beside_it_is_spoken_of_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(logging.getLogger("plugin.test"))

    complaints.failed("a job", OSError("quotes a name"), "%s")
    complaints.failed("another", OSError("quotes a name"), "%s")

    assert [record.getMessage() for record in caplog.records] == ["OSError", "OSError"]
