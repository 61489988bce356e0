"""Who may call from where, and how often a log says who may not."""

from __future__ import annotations

import pytest

from dicom_io.receiving import AllowedCaller
from dicom_io.receiving.callers import plain_address
from dicom_io.receiving.tally import MOST_ADDRESSES, Tally


@pytest.mark.parametrize(
    ("network", "address", "may"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.9/24", "192.0.2.1", True),
        ("192.0.2.0/24", "::ffff:192.0.2.1", True),
        ("2001:db8::/32", "2001:db8::1%eth0", True),
        ("2001:db8::/32", "192.0.2.1", False),
        ("0.0.0.0/0", "no address", False),
        ("0.0.0.0/0", "", False),
    ],
)
def test_an_address_belongs_to_a_network_or_does_not(network: str, address: str, may: bool) -> None:
    caller = AllowedCaller("CAMERA", network)
    assert caller.may_call_from(address) is may
    assert caller.admits("CAMERA ", address) is may
    assert not caller.admits("CAMERA2", address)


def test_one_peer_has_one_address() -> None:
    assert {plain_address(name) for name in ("192.0.2.1", "::ffff:192.0.2.1")} == {"192.0.2.1"}
    assert {plain_address(name) for name in ("fe80::1%eth0", "fe80::1")} == {"fe80::1"}
    assert plain_address("nowhere") == "nowhere"


def test_the_same_is_told_once_in_a_while() -> None:
    tally = Tally(every_seconds=3600)
    assert [tally.is_worth_telling(address) for address in ("a", "a", "b", "a")] == [True, False, True, False]
    assert Tally(every_seconds=0).is_worth_telling("a")


def test_a_thousand_addresses_are_not_remembered_for_good() -> None:
    tally = Tally(every_seconds=3600)
    for number in range(3 * MOST_ADDRESSES):
        tally.is_worth_telling(str(number))
    assert len(tally._told) <= MOST_ADDRESSES
