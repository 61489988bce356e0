"""Errors and events against the code: each that there is stands on its page, and each that stands there is one."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import dicom_io.errors
import pipeline.errors
import plugin.errors
from dicom_io.receiving import RefusedFor
from pipeline.errors import Refusal as RefusedByThePipeline
from plugin.commands.exit_status import ExitStatus
from plugin.commands.troubles import (
    DECIDED,
    EXITS,
    HAPPENS,
    HOLDS_NOTHING,
    TURNED_AWAY,
    WITHOUT_A_CLASS,
    error_classes,
    errors_page,
    events_page,
    meaning_of_error,
)
from plugin.ledger import TRANSITIONS, Event, State
from plugin.study import ADVICE, Refusal

NAMED = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)

BASES = {dicom_io.errors.DicomError, pipeline.errors.PipelineError, RefusedByThePipeline, plugin.errors.PluginError}
"""Never raised themselves."""


def section(page: str, heading: str) -> str:
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_every_error_is_documented_and_every_documented_one_is_there() -> None:
    classes = error_classes(dicom_io.errors, pipeline.errors, plugin.errors)
    raised = {name for name, kind in classes.items() if kind not in BASES}
    page = errors_page().partition("## Exit statuses")[0]
    assert set(NAMED.findall(page)) == raised | WITHOUT_A_CLASS.keys()
    assert all(meaning_of_error(name).endswith(".") for name in raised)


def test_all_that_holds_a_photograph_says_what_to_do() -> None:
    held = section(errors_page(), "What may hold a photograph back")
    assert set(NAMED.findall(held)) == ADVICE.keys() - HOLDS_NOTHING
    assert all(ADVICE[name] in held for name in ADVICE.keys() - HOLDS_NOTHING)
    known = error_classes(dicom_io.errors, pipeline.errors, plugin.errors)
    assert WITHOUT_A_CLASS.keys() == ADVICE.keys() - known.keys()


def test_every_reason_of_the_listener_is_explained() -> None:
    assert TURNED_AWAY.keys() == set(RefusedFor)
    assert NAMED.findall(section(errors_page(), "What the listener turns away")) == [*RefusedFor]


def test_every_exit_status_is_explained() -> None:
    assert EXITS.keys() == set(ExitStatus)


def test_every_step_of_a_life_stands_on_the_page() -> None:
    page = section(events_page(), "In the life of an instance")
    assert HAPPENS.keys() == set(Event)
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert {(State(state), Event(event)): State(after) for event, state, after, _ in rows} == TRANSITIONS
    by = {event: who for event, _, _, who in rows}
    assert (by["release"], by["receive"], by["queue"]) == ("a person", "a sender", "the node")


def test_every_action_of_the_audit_log_and_all_that_it_states_is_documented(repository: Path) -> None:
    """As it is called wherever there is an ``AuditLog``: an action's name, and the names of what a line states."""
    sources = [path.read_text() for path in sorted((repository / "plugin").rglob("*.py"))]
    said = [
        node
        for source in sources
        if "AuditLog(" in source and "class AuditLog" not in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"self.audit.add", "log.add", "self._record", "_record"}
    ]
    constants = [arg.value for node in said for arg in node.args if isinstance(arg, ast.Constant) and arg.value]
    assert set(constants) == DECIDED.keys()
    stated = {keyword.arg for node in said for keyword in node.keywords if keyword.arg}
    stated |= {f"refused_{field.name}" for field in fields(Refusal)}
    assert set(re.findall(r"`(\w+)`", " ".join(DECIDED.values()))) == stated


def test_every_alarm_is_documented_and_every_documented_one_is_there(repository: Path) -> None:
    """Their words, in order, without what stands for a value."""
    tree = ast.parse((repository / "plugin" / "watching" / "status.py").read_text())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    texts = [
        node
        for name in ("_alarms", "_nobody_does")
        for node in ast.walk(functions[name])
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and " " in str(node.value))
    ]
    docstrings = {ast.get_docstring(function) for function in functions.values()}
    parts = {text for node in texts for text in [_words(node)] if text.strip(" …") and text not in docstrings}
    whole = {text for text in parts if not any(text != other and text in other for other in parts)}
    page = section((repository / "docs" / "watching.md").read_text(), "Alarms")
    written = {re.sub(r"\*\w+\*", "…", alarm) for alarm in re.findall(r"^\| (.+?) \| .+ \|$", page, re.MULTILINE)[1:]}
    assert written == whole


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"
