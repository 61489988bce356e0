"""The life cycle of an instance is its table, and a pair that is not in it is an error."""

from __future__ import annotations

import itertools

import pytest

from plugin.errors import UnknownTransition
from plugin.ledger import FINISHED, Event, State
from plugin.ledger.job_states import BY_A_PERSON, BY_A_SENDER, TRANSITIONS, after


def test_the_way_of_an_instance_that_is_delivered() -> None:
    state = State.RECEIVED
    for event in (Event.QUEUE, Event.POST, Event.DELIVER, Event.PURGE):
        state = after(state, event)
    assert state is State.PURGED


@pytest.mark.parametrize("pair", sorted(set(itertools.product(State, Event)) - set(TRANSITIONS)))
def test_every_other_pair_is_an_error(pair: tuple[State, Event]) -> None:
    with pytest.raises(UnknownTransition, match=pair[0]):
        after(*pair)


def test_nothing_leaves_the_spool_but_by_delivery_or_quarantine() -> None:
    into_purged = {state for (state, _), next_state in TRANSITIONS.items() if next_state is State.PURGED}
    assert into_purged == {State.DELIVERED, State.PURGED}
    for (state, event), next_state in TRANSITIONS.items():
        assert state not in FINISHED or next_state is state or event in BY_A_PERSON | BY_A_SENDER
    # Not even a person's word leads from the quarantine to a destination: the way through the gate begins anew.
    by_a_person = {TRANSITIONS[State.QUARANTINED, event] for event in (Event.RELEASE, Event.DISCARD)}
    assert by_a_person == {State.RECEIVED, State.DISCARDED}


def test_what_is_undelivered_leads_nowhere_but_to_delivery() -> None:
    """No outage, and nobody's decision, sends to quarantine what was made and may leave."""
    assert {event for state, event in TRANSITIONS if state is State.UNDELIVERED} == {Event.DELIVER}
    assert {state for state, event in TRANSITIONS if event is Event.QUARANTINE} == {
        State.RECEIVED, State.QUEUED, State.QUARANTINED,
    }  # fmt: skip


def test_every_state_can_be_reached_and_left_unless_finished() -> None:
    assert {State.RECEIVED, *TRANSITIONS.values()} == set(State)
    others = BY_A_PERSON | BY_A_SENDER
    left = {state for (state, event), after in TRANSITIONS.items() if after is not state and event not in others}
    assert left == set(State) - FINISHED
