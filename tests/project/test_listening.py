"""The address is tried before anything is promised about it, and a refusal says what to change."""

import socket

import pytest

from project import listening


def test_it_takes_a_free_port_of_a_name():
    with listening.reserve("localhost", 0) as reserved:
        address, port = reserved.getsockname()

    assert address == "127.0.0.1"
    assert port > 0


def test_it_says_that_a_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(listening.Unavailable, match=f"Port {port} of 127.0.0.1 is taken. Set PORT"):
            listening.reserve("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.7", "no such name", "a" * 80, "."])
def test_it_says_that_a_host_is_nothing_of_this_machine(host: str):
    with pytest.raises(listening.Unavailable, match="HOST takes an address or a name of this machine"):
        listening.reserve(host, 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/"),
        ("localhost", "http://localhost:8000/"),
        ("0.0.0.0", "http://127.0.0.1:8000/"),
        ("::", "http://[::1]:8000/"),
        ("[::1]", "http://[::1]:8000/"),
        ("192.0.2.7", "http://192.0.2.7:8000/"),
    ],
)
def test_it_shows_an_address_that_can_be_opened_here(host: str, url: str):
    assert listening.url(host, 8000) == url


@pytest.mark.parametrize(
    ("host", "is_for_others", "is_everywhere"), [("127.0.0.1", False, False), ("0.0.0.0", True, True)]
)
def test_it_knows_who_can_reach_it(host: str, is_for_others: bool, is_everywhere: bool):
    with listening.reserve(host, 0) as reserved:
        assert listening.is_for_others(reserved) is is_for_others
        assert listening.is_everywhere(reserved) is is_everywhere
