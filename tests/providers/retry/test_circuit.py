import pytest

from providers import errors
from providers.errors import LLMError
from providers.retry import circuit
from providers.retry.circuit import Circuit, Observation, Rules, State, observe

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


def tell(its: Circuit, *observations: Observation) -> list[bool]:
    """Make one call after the other; return which of them opened the circuit."""
    opened = []
    for observation in observations:
        token = its.enter()
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
    assert its.enter() is None
    assert its.paused_for() == 18
    clock.now += 18
    assert its.state is State.HALF_OPEN
    assert its.paused_for() == 0
    assert its.enter() is not None


@pytest.fixture
def half_open(clock: Clock) -> Circuit:
    its = a_circuit(clock)
    tell(its, F, F, F)
    clock.now += 30
    return its


def test_it_lets_one_probe_through(half_open: Circuit) -> None:
    assert half_open.enter() is not None
    assert half_open.state is State.HALF_OPEN
    assert half_open.enter() is None


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
    late = half_open.enter()
    clock.now += 30
    tell(half_open, F)
    assert late is not None
    half_open.report(late, A)
    assert half_open.state is State.OPEN


@pytest.mark.parametrize("observation", list(Observation))
def test_calls_from_before_it_opened_change_nothing(observation: Observation, clock: Clock) -> None:
    its = a_circuit(clock)
    early = its.enter()
    assert early is not None
    tell(its, F, F, F)
    clock.now += 10
    assert its.report(early, observation) is False
    assert its.paused_for() == 20


@pytest.mark.parametrize(
    ("kind", "observation"),
    [
        (errors.LLMConnectionError, F),
        (errors.LLMTimeoutError, F),
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


def test_every_name_has_its_own() -> None:
    circuit.forget_all()
    one = circuit.of("one", RULES)
    tell(one, F, F, F)
    assert circuit.of("one", RULES) is one
    assert circuit.of("another", RULES).state is State.CLOSED
    circuit.forget_all()
    assert circuit.of("one", RULES).state is State.CLOSED
