"""What counts as one client, wherever clients are counted by their address."""

import pytest
from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.testing import StringTransport

from project.server.bounds import Bounds
from project.server.channel import Channel
from project.server.connections import NO_ROOM, Connections
from runs.access import addresses

BOUNDS = Bounds(
    connections=100,
    per_address=2,
    last_descriptor=50,
    body_files=2,
    header_seconds=1,
    body_seconds=1,
    stalled_seconds=1,
    behind_proxy=False,
)


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", None),
        (None, None),
        ("/run/runnel.sock", None),
    ],
)
def test_a_network_of_one_household_counts_as_one_client(peer: str | None, counted: str | None) -> None:
    assert addresses.counted(peer) == counted


class Transport(StringTransport):
    """A connection that writes into memory."""

    def fileno(self) -> int:
        return 10


def is_refused(connections: Connections, host: str | None) -> bool:
    """Return whether a further connection from ``host`` finds no room; those before it are busy."""
    channel = Channel()
    channel.connections, channel.bounds = connections, BOUNDS
    channel.callLater = lambda *_: None
    peer = UNIXAddress("/run/runnel.sock") if host is None else IPv6Address("TCP", host, 50_000)
    transport = Transport(peerAddress=peer)
    channel.makeConnection(transport)
    connections.work(transport)
    return bool(transport.value() == NO_ROOM)


@pytest.mark.parametrize(
    "hosts",
    [
        ("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3::"),
        ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7"),
        (None, None, None),
    ],
)
def test_the_server_counts_connections_by_it(hosts: tuple[str | None, ...]) -> None:
    connections = Connections(BOUNDS)
    assert [is_refused(connections, host) for host in hosts] == [False, False, True]
    assert not is_refused(connections, "2001:db8:1:3::1")
