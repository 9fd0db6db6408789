"""Which connection makes room for a new one."""

from dataclasses import dataclass

from twisted.internet.protocol import Factory

from project.server import server
from project.server.bounds import Bounds
from project.server.connections import Connections


@dataclass(eq=False)
class Transport:
    """A connection with a descriptor."""

    descriptor: int = 10
    is_aborted: bool = False

    def fileno(self) -> int:
        return self.descriptor

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.is_aborted = True


def connections(*, most: int = 100, per_address: int = 100, behind_proxy: bool = False) -> Connections:
    return Connections(
        Bounds(
            connections=most,
            per_address=per_address,
            last_descriptor=50,
            body_files=2,
            header_seconds=1,
            body_seconds=1,
            stalled_seconds=1,
            behind_proxy=behind_proxy,
        )
    )


def test_the_longest_waiting_one_of_the_same_address_makes_room() -> None:
    here = connections(per_address=2)
    other, first, second, third = Transport(), Transport(), Transport(), Transport()

    assert here.enter(other, "b")
    assert [here.enter(each, "a") for each in (first, second, third)] == [True] * 3
    assert [each.is_aborted for each in (other, first, second, third)] == [False, True, False, False]
    assert len(here) == 3


def test_the_longest_waiting_one_of_all_makes_room_when_there_are_too_many() -> None:
    here = connections(most=2)
    first, second, third = Transport(), Transport(), Transport()

    assert [here.enter(each, name) for each, name in ((first, "a"), (second, "b"), (third, "c"))] == [
        True
    ] * 3
    assert first.is_aborted


def test_a_new_one_is_refused_when_all_others_are_at_work() -> None:
    here = connections(most=1)
    busy, late = Transport(), Transport()
    here.enter(busy, "a")
    here.work(busy)

    assert not here.enter(late, "b")
    assert not busy.is_aborted
    here.leave(late)
    here.wait(busy)
    assert here.enter(Transport(), "b")
    assert busy.is_aborted


def test_descriptors_beyond_the_last_one_are_for_others() -> None:
    here = connections()
    first, second = Transport(), Transport(descriptor=51)
    here.enter(first, "a")

    assert here.enter(second, "b")
    assert first.is_aborted


def test_their_number_does_not_grow_while_one_has_a_descriptor_beyond_the_last_one() -> None:
    here = connections()
    oldest, above = Transport(), Transport(descriptor=51)
    for each in (Transport(), oldest, above):
        here.enter(each, "a")
    left = len(here)

    # One that has left gave its low descriptor to the next.
    assert here.enter(Transport(), "a")
    assert oldest.is_aborted
    assert len(here) == left == 2


def test_a_websocket_beyond_the_last_descriptor_is_in_nobodys_way() -> None:
    here = connections()
    socket, waiting = Transport(descriptor=51), Transport()
    here.enter(socket, "a")
    here.upgrade(socket)
    here.enter(waiting, "a")

    assert here.enter(Transport(), "a")
    assert not waiting.is_aborted


def test_a_websocket_counts_for_its_user_and_not_for_its_address() -> None:
    here = connections(per_address=1)
    sockets = [Transport() for _ in range(3)]
    for each in sockets:
        assert here.enter(each, "a")
        here.upgrade(each)
    waiting, late = Transport(), Transport()

    assert here.enter(waiting, "a")
    assert here.enter(late, "a")
    assert waiting.is_aborted
    assert not any(each.is_aborted for each in sockets)
    for each in (*sockets, waiting, late):
        here.leave(each)
    assert len(here) == 0


def test_behind_a_proxy_all_connections_have_one_address() -> None:
    here = connections(per_address=1, behind_proxy=True)
    first = Transport()
    here.enter(first, "proxy")

    assert here.enter(Transport(), "proxy")
    assert not first.is_aborted


def test_so_many_bodies_are_in_files_and_no_more_until_one_is_closed() -> None:
    here = connections()
    assert [here.body_files.take() for _ in range(3)] == [True, True, False]
    here.body_files.give_back()
    assert [here.body_files.take() for _ in range(2)] == [True, False]


def test_a_flood_of_connections_makes_no_turn_of_the_loop_longer() -> None:
    port = server._Port(0, Factory(), reactor=object())
    # Twisted raises it while more wait than were accepted.
    port.numberAccepts = 500
    assert port.numberAccepts == server._ACCEPTED_AT_ONCE
