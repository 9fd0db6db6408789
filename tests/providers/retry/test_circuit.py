from uuid import UUID, uuid4

import pytest

from providers import errors
from providers.errors import LLMError
from providers.retry import circuit
from providers.retry.circuit import MOST_CIRCUITS, Caller, Circuit, Observation, Rules, State, observe

RULES = Rules(failures=3, pause=30)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_circuit(clock: Clock, rules: Rules = RULES) -> Circuit:
    return Circuit(rules, clock=clock)


def someone(user_id: int | None = None) -> Caller:
    """A run of its own, of a user of its own if none is given."""
    run_id = uuid4()
    return Caller(run_id.int if user_id is None else user_id, run_id)


def tell(its: Circuit, *observations: Observation, caller: Caller | None = None) -> list[bool]:
    """Make one call after the other, each for another user; return which of them opened the circuit."""
    opened = []
    for observation in observations:
        token = its.enter(caller or someone())
        assert token is not None
        opened.append(its.report(token, observation))
    return opened


F, A, U = Observation.FAILS, Observation.ANSWERS, Observation.UNKNOWN


@pytest.mark.parametrize(
    ("observations", "state"),
    [
        ((), State.CLOSED),
        ((F, F), State.CLOSED),
        ((F, F, F), State.OPEN),
        ((F, F, A, F, F), State.CLOSED),
        ((F, F, U, F), State.OPEN),
        ((U, U, U, U), State.CLOSED),
    ],
)
def test_it_opens_after_so_many_failures_in_a_row(
    observations: tuple[Observation, ...], state: State, clock: Clock
) -> None:
    its = a_circuit(clock)
    opened = tell(its, *observations)
    assert its.state is state
    assert any(opened) is (state is State.OPEN)


def test_it_never_opens_when_it_may_not(clock: Clock) -> None:
    its = a_circuit(clock, Rules(failures=0, pause=30))
    assert not any(tell(its, *[F] * 100))


def test_it_lets_nobody_through_until_the_pause_is_over(clock: Clock) -> None:
    its = a_circuit(clock)
    tell(its, F, F, F)
    clock.now += 12
    assert its.enter(someone()) is None
    assert its.paused_for() == 18
    clock.now += 18
    assert its.state is State.HALF_OPEN
    assert its.paused_for() == 0
    assert its.enter(someone()) is not None


@pytest.fixture
def half_open(clock: Clock) -> Circuit:
    its = a_circuit(clock)
    tell(its, F, F, F)
    clock.now += 30
    return its


def test_it_lets_one_probe_through(half_open: Circuit) -> None:
    assert half_open.enter(someone()) is not None
    assert half_open.state is State.HALF_OPEN
    assert half_open.enter(someone()) is None


def test_a_probe_that_is_answered_closes_it(half_open: Circuit) -> None:
    tell(half_open, A)
    assert half_open.state is State.CLOSED
    assert tell(half_open, F, F, F) == [False, False, True]


def test_a_probe_that_fails_opens_it_again_at_once(half_open: Circuit) -> None:
    assert tell(half_open, F) == [True]
    assert half_open.state is State.OPEN
    assert half_open.paused_for() == 30


def test_a_probe_that_tells_nothing_leaves_its_place_to_the_next(half_open: Circuit) -> None:
    tell(half_open, U)
    assert tell(half_open, A) == [False]
    assert half_open.state is State.CLOSED


def test_a_probe_that_stays_away_is_followed_by_another(half_open: Circuit, clock: Clock) -> None:
    late = half_open.enter(someone())
    clock.now += 30
    tell(half_open, F)
    assert late is not None
    half_open.report(late, A)
    assert half_open.state is State.OPEN


@pytest.mark.parametrize("observation", list(Observation))
def test_calls_from_before_it_opened_change_nothing(observation: Observation, clock: Clock) -> None:
    its = a_circuit(clock)
    early = its.enter(someone())
    assert early is not None
    tell(its, F, F, F)
    clock.now += 10
    assert its.report(early, observation) is False
    assert its.paused_for() == 20


@pytest.mark.parametrize(
    ("kind", "observation"),
    [
        (errors.LLMConnectionError, F),
        (errors.LLMTimeoutError, U),
        (errors.LLMWrongAddressError, U),
        (errors.LLMRequestTooLargeError, A),
        (errors.LLMQuotaUsedUpError, A),
        (errors.LLMOverRateLimitError, A),
        (errors.LLMServerError, F),
        (errors.LLMProviderOverloadedError, F),
        (errors.LLMBadRequestError, A),
        (errors.LLMContextWindowExceededError, A),
        (errors.LLMAuthenticationError, A),
        (errors.LLMPermissionDeniedError, A),
        (errors.LLMNotFoundError, A),
        (errors.LLMConflictError, A),
        (errors.LLMUnprocessableEntityError, A),
        (errors.LLMRateLimitError, A),
        (errors.LLMInsufficientCreditsError, A),
        (errors.LLMContentFilterError, A),
        (errors.LLMMalformedResponseError, A),
        (errors.LLMMalformedToolCallError, A),
        (errors.LLMEmptyResponseError, A),
        (errors.LLMInternalError, U),
        (errors.LLMUnsupportedError, U),
        (errors.LLMAddressRefusedError, U),
        (errors.LLMError, U),
    ],
)
def test_only_what_keeps_a_provider_from_answering_counts(
    kind: type[LLMError], observation: Observation
) -> None:
    assert observe(kind()) is observation


@pytest.mark.parametrize(
    ("error", "observation"),
    [
        # A refusal is an answer, whatever its words make of it.
        (errors.LLMServerError(status=400), A),
        (errors.LLMProviderOverloadedError(status=400), A),
        (errors.LLMServerError(status=499), F),
        (errors.LLMServerError(status=502), F),
        # Only a provider that does not answer at all is out of order: how long an answer takes depends on the request.
        (errors.LLMTimeoutError(detail={"watchdog": "connect"}), F),
        (errors.LLMTimeoutError(detail={"watchdog": "first_byte"}), F),
        (errors.LLMTimeoutError(detail={"watchdog": "idle"}), U),
        (errors.LLMTimeoutError(status=504), F),
        (errors.LLMTimeoutError(status=408), U),
    ],
)
def test_a_status_and_a_limit_of_time_say_whose_fault_it_is(
    error: LLMError, observation: Observation
) -> None:
    assert observe(error) is observation


def test_one_user_alone_never_opens_it(clock: Clock) -> None:
    its = a_circuit(clock)
    assert not any(any(tell(its, F, caller=someone(user_id=7))) for _ in range(50))
    assert tell(its, F, caller=someone(user_id=8)) == [True]


def test_calls_of_nobody_in_particular_are_those_of_one_user(clock: Clock) -> None:
    its = a_circuit(clock)
    assert not any(any(tell(its, F, caller=Caller(None, uuid4()))) for _ in range(50))


def test_a_run_that_had_been_answered_may_open_it_alone(clock: Clock) -> None:
    its = a_circuit(clock)
    its_run = someone(user_id=7)
    tell(its, A, caller=its_run)
    assert tell(its, F, F, F, caller=its_run) == [False, False, True]


def test_an_answer_to_another_run_of_the_user_is_no_proof(clock: Clock) -> None:
    its = a_circuit(clock)
    tell(its, A, caller=someone(user_id=7))
    assert not any(tell(its, *[F] * 9, caller=someone(user_id=7)))


def test_an_answer_starts_the_count_of_users_anew(clock: Clock) -> None:
    its = a_circuit(clock)
    tell(its, F, F)
    tell(its, A)
    assert not any(tell(its, *[F] * 9, caller=someone(user_id=7)))


def test_it_forgets_answered_runs_but_the_latest(clock: Clock) -> None:
    its = a_circuit(clock)
    early = someone(user_id=7)
    tell(its, A, caller=early)
    for number in range(500):
        tell(its, A, caller=Caller(7, UUID(int=number)))
    assert not any(tell(its, *[F] * 9, caller=early))


def test_there_are_never_more_than_so_many(clock: Clock) -> None:
    circuit.forget_all()
    tell(circuit.of("open", RULES), F, F, F)
    for number in range(2 * MOST_CIRCUITS):
        circuit.of(f"typed-{number}", RULES)
    assert circuit.of("open", RULES).state is State.OPEN
    assert len(circuit._circuits) == MOST_CIRCUITS
    for number in range(MOST_CIRCUITS):
        tell(circuit.of(f"failing-{number}", RULES), F)
    assert len(circuit._circuits) == MOST_CIRCUITS
    circuit.forget_all()


def test_every_name_has_its_own() -> None:
    circuit.forget_all()
    one = circuit.of("one", RULES)
    tell(one, F, F, F)
    assert circuit.of("one", RULES) is one
    assert circuit.of("another", RULES).state is State.CLOSED
    circuit.forget_all()
    assert circuit.of("one", RULES).state is State.CLOSED
