from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from providers.types.cost import CostIs
from runs.states import RunStatus
from runs.usage.statistics import Figures, GroupBy, Scope, Statistics
from tests.runs.rows import make_run, make_step, make_user

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
WEEK = Scope(since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 9, tzinfo=UTC))


def ms(value: float) -> timedelta:
    return timedelta(milliseconds=value)


@pytest.fixture
def mixed() -> None:
    """Two users, two models, two days; every way to end; every way to know what was used."""
    ada, bob = make_user("ada"), make_user("bob")

    plain = make_run(owner=ada, model="openai/gpt", created_at=MONDAY)
    make_step(
        plain,
        wait_ms=100,
        usage_source="reported",
        input_tokens=1000,
        cached_input_tokens=400,
        cache_write_input_tokens=50,
        output_tokens=200,
        reasoning_tokens=0,
        cost=Decimal("0.25"),
        cost_is="exact",
    )
    make_step(plain, index=2, wait_ms=300, usage_source="reported", input_tokens=10, output_tokens=0)

    cancelled = make_run(owner=ada, model="anthropic/opus", status=RunStatus.CANCELLED, created_at=MONDAY)
    make_step(
        cancelled,
        wait_ms=200,
        usage_source="partial",
        input_tokens=70,
        cached_input_tokens=0,
        cost=Decimal("0.5"),
        cost_is="at_least",
    )

    failed = make_run(owner=bob, model="openai/gpt", status=RunStatus.FAILED, created_at=TUESDAY)
    make_step(failed, wait_ms=None, usage_source="partial")

    guessed = make_run(owner=bob, model="openai/gpt", status=RunStatus.RUNNING, created_at=TUESDAY)
    make_step(
        guessed,
        wait_ms=900,
        usage_source="estimated",
        input_tokens=5,
        output_tokens=7,
        estimated_input_tokens=5,
        estimated_output_tokens=7,
        cost=Decimal(1),
        cost_is="about",
    )

    # Cancelled before it began: a run without a step.
    make_run(owner=bob, model="anthropic/opus", status=RunStatus.CANCELLED, created_at=TUESDAY)

    outside = make_run(owner=ada, model="openai/gpt", created_at=MONDAY - timedelta(days=1))
    make_step(outside, wait_ms=5, usage_source="reported", input_tokens=9999, output_tokens=9999)


@pytest.mark.usefixtures("mixed")
def test_it_adds_up_everything_in_the_period():
    assert Statistics(WEEK).total() == Figures(
        runs=5,
        ended_runs=4,
        cancelled_runs=2,
        failed_runs=1,
        steps=5,
        reported_steps=2,
        estimated_steps=1,
        partial_steps=2,
        input_tokens=1085,
        cached_input_tokens=400,
        cache_write_input_tokens=50,
        output_tokens=207,
        reasoning_tokens=0,
        estimated_input_tokens=5,
        estimated_output_tokens=7,
        cost=Decimal("1.75"),
        about_steps=1,
        at_least_steps=1,
        unpriced_steps=1,
        # Of 100, 200, 300 and 900 ms: ranks 2 and 4.
        first_token_median=ms(200),
        first_token_p95=ms(900),
    )


@pytest.mark.usefixtures("mixed")
def test_it_takes_shares_of_the_runs_that_ended():
    figures = Statistics(WEEK).total()
    assert figures.cancelled_share == 0.5
    assert figures.failed_share == 0.25


@pytest.mark.usefixtures("mixed")
def test_it_keeps_unknown_apart_from_zero():
    by_user = Statistics(WEEK).grouped(GroupBy.USER)
    # Nobody told bob's cached tokens; ada's second model reported them as 0.
    assert by_user["bob"].cached_input_tokens is None
    assert by_user["bob"].reasoning_tokens is None
    by_model = Statistics(WEEK).grouped(GroupBy.MODEL)
    assert by_model["anthropic/opus"].cached_input_tokens == 0
    assert by_model["anthropic/opus"].output_tokens is None


@pytest.mark.usefixtures("mixed")
def test_it_groups_by_model():
    figures = Statistics(WEEK).grouped(GroupBy.MODEL)
    assert set(figures) == {"openai/gpt", "anthropic/opus"}
    assert figures["openai/gpt"] == Figures(
        runs=3,
        ended_runs=2,
        failed_runs=1,
        steps=4,
        reported_steps=2,
        estimated_steps=1,
        partial_steps=1,
        input_tokens=1015,
        cached_input_tokens=400,
        cache_write_input_tokens=50,
        output_tokens=207,
        reasoning_tokens=0,
        estimated_input_tokens=5,
        estimated_output_tokens=7,
        cost=Decimal("1.25"),
        about_steps=1,
        unpriced_steps=1,
        first_token_median=ms(300),
        first_token_p95=ms(900),
    )
    assert figures["anthropic/opus"] == Figures(
        runs=2,
        ended_runs=2,
        cancelled_runs=2,
        steps=1,
        partial_steps=1,
        input_tokens=70,
        cached_input_tokens=0,
        cost=Decimal("0.5"),
        at_least_steps=1,
        first_token_median=ms(200),
        first_token_p95=ms(200),
    )


@pytest.mark.usefixtures("mixed")
def test_it_groups_by_user():
    figures = Statistics(WEEK).grouped(GroupBy.USER)
    assert {name: (line.runs, line.steps, line.input_tokens) for name, line in figures.items()} == {
        "ada": (2, 3, 1080),
        "bob": (3, 2, 5),
    }


@pytest.mark.usefixtures("mixed")
def test_it_lists_every_day_also_the_quiet_ones():
    figures = Statistics(WEEK).by_day()
    assert list(figures) == [date(2026, 3, day) for day in range(2, 9)]
    assert [line.runs for line in figures.values()] == [2, 3, 0, 0, 0, 0, 0]
    assert [line.input_tokens for line in figures.values()] == [1080, 5, None, None, None, None, None]
    assert figures[date(2026, 3, 4)] == Figures()


@pytest.mark.usefixtures("mixed")
def test_its_lines_add_up_to_the_whole():
    whole = Statistics(WEEK).total()
    for by in GroupBy:
        lines = Statistics(WEEK).grouped(by).values()
        for name in ("runs", "ended_runs", "steps", "reported_steps", "input_tokens", "output_tokens"):
            assert sum(getattr(line, name) or 0 for line in lines) == getattr(whole, name)


@pytest.mark.usefixtures("mixed")
def test_it_can_be_narrowed_to_a_model_and_a_user():
    narrowed = Scope(since=WEEK.since, until=WEEK.until, model="openai/gpt", user="bob")
    figures = Statistics(narrowed).total()
    assert (figures.runs, figures.steps, figures.input_tokens, figures.output_tokens) == (2, 2, 5, 7)
    assert set(Statistics(narrowed).grouped(GroupBy.MODEL)) == {"openai/gpt"}


@pytest.mark.parametrize(
    ("figures", "kind"),
    [
        (Figures(), CostIs.EXACT),
        (Figures(about_steps=1), CostIs.ABOUT),
        (Figures(about_steps=1, at_least_steps=1), CostIs.AT_LEAST),
        (Figures(unpriced_steps=1), CostIs.AT_LEAST),
    ],
)
def test_a_sum_of_costs_is_as_exact_as_its_worst_part(figures: Figures, kind: CostIs):
    assert figures.cost_is is kind


def test_it_counts_a_step_on_the_day_it_started():
    run = make_run(owner=make_user(), created_at=MONDAY.replace(hour=23, minute=59))
    make_step(run, started_at=TUESDAY, usage_source="reported", input_tokens=3, output_tokens=4)
    monday, tuesday = list(Statistics(WEEK).by_day().values())[:2]
    assert (monday.runs, monday.steps) == (1, 0)
    assert (tuesday.runs, tuesday.steps, tuesday.input_tokens) == (0, 1, 3)


def test_its_days_are_those_of_the_current_time_zone():
    run = make_run(owner=make_user(), created_at=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    make_step(run)
    with timezone.override("Europe/Berlin"):
        assert {day for day, line in Statistics(WEEK).by_day().items() if line.runs} == {date(2026, 3, 3)}


@pytest.mark.parametrize(
    ("waits", "median", "p95"),
    [
        ([40], 40, 40),
        ([10, 20], 10, 20),
        ([30, 10, 20], 20, 30),
        ([7, 7, 7, 7], 7, 7),
        (list(range(1, 101)), 50, 95),
    ],
)
def test_it_finds_percentiles_by_nearest_rank(waits, median, p95):
    run = make_run(owner=make_user(), created_at=MONDAY)
    for index, wait in enumerate(waits, start=1):
        make_step(run, index=index, wait_ms=wait)
    figures = Statistics(WEEK).total()
    assert (figures.first_token_median, figures.first_token_p95) == (ms(median), ms(p95))


def test_nothing_is_no_line_and_unknown_shares():
    assert Statistics(WEEK).grouped(GroupBy.MODEL) == {}
    figures = Statistics(WEEK).total()
    assert figures == Figures()
    assert figures.cancelled_share is None
    assert figures.failed_share is None


def test_its_queries_do_not_grow_with_the_rows(django_assert_num_queries):
    for number in range(12):
        run = make_run(owner=make_user(f"user{number}"), model=f"emulator/{number}", created_at=MONDAY)
        for index in (1, 2):
            make_step(run, index=index)
    for by in GroupBy:
        with django_assert_num_queries(3):
            assert Statistics(WEEK).grouped(by)
    with django_assert_num_queries(3):
        assert Statistics(WEEK).total().runs == 12


def test_it_counts_the_last_days_to_the_end_of_today():
    scope = Scope.last_days(7)
    assert len(scope.days) == 7
    assert scope.days[-1] == timezone.localdate()
    run = make_run(owner=make_user())
    make_step(run, usage_source="reported", input_tokens=1, output_tokens=1)
    assert list(Statistics(scope).by_day().values())[-1].runs == 1


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
def test_runs_steps_and_waits_count_on_the_same_day_in_every_zone(zone: str):
    owner = make_user()
    for minutes in range(0, 24 * 60, 7):
        run = make_run(owner=owner, created_at=MONDAY + timedelta(minutes=minutes, microseconds=minutes))
        make_step(run, wait_ms=minutes + 1, input_tokens=1)
    with timezone.override(zone):
        days = Statistics(WEEK).grouped(GroupBy.DAY)
        midnight = datetime(2026, 3, 3, tzinfo=timezone.get_current_timezone())
        before = [m for m in range(0, 24 * 60, 7) if MONDAY + timedelta(minutes=m, microseconds=m) < midnight]
    first = days[date(2026, 3, 2)]
    assert (first.runs, first.steps, first.input_tokens) == (len(before),) * 3
    assert first.first_token_median == ms(before[(len(before) * 50 + 99) // 100 - 1] + 1)


def test_one_reading_serves_every_grouping(django_assert_num_queries):
    make_step(make_run(owner=make_user(), created_at=MONDAY))
    with django_assert_num_queries(3):
        found = Statistics(WEEK)
        assert found.total().steps == sum(line.steps for line in found.by_day().values()) == 1
        assert [len(found.grouped(by)) for by in GroupBy] == [1, 1, 1]
