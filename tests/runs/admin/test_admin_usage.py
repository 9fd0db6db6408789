"""The admin's page of usage, and its chart."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from runs.admin import chart
from runs.states import RunStatus
from runs.usage.statistics import Figures
from tests.runs.admin.pages import HOSTILE, USAGE, text_of
from tests.runs.rows import make_run, make_step, make_user

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


class TestUsage:
    @pytest.fixture
    def some_use(self, owner):
        now = timezone.now()
        run = make_run(owner=owner, model="openai/gpt")
        make_step(
            run,
            wait_ms=250,
            usage_source="reported",
            input_tokens=12_000,
            cached_input_tokens=3_000,
            output_tokens=450,
            reasoning_tokens=50,
        )
        make_run(owner=owner, model="anthropic/opus", status=RunStatus.CANCELLED)
        old = make_run(owner=make_user("bob"), model="old/model", created_at=now - timedelta(days=20))
        make_step(old, usage_source="partial")

    @pytest.mark.usefixtures("some_use")
    def test_it_shows_figures_by_day_model_and_user(self, admin):
        page = text_of(admin.get(USAGE))
        for fact in ("12,000", "3,000", "450", "250 ms", "33 %", "openai/gpt", "old/model", "ada", "bob"):
            assert fact in page
        assert f"{timezone.localdate():%Y-%m-%d}" in page
        assert "1 of 2 steps reported their usage; 1 reported a part of it or nothing." in page

    def test_its_tokens_are_marked_where_a_part_is_an_estimate(self, admin, owner):
        make_step(make_run(owner=owner), input_tokens=900, output_tokens=41, estimated_output_tokens=40)
        page = text_of(admin.get(USAGE))
        assert page.count("≈ 41") == 4, "in all, by model, by user, by day"
        assert "≈ 900" not in page

    @pytest.mark.usefixtures("some_use")
    def test_its_period_can_be_changed(self, admin):
        assert "old/model" not in text_of(admin.get(USAGE, {"days": "7"}))
        assert "old/model" in text_of(admin.get(USAGE, {"days": "90"}))

    @pytest.mark.usefixtures("some_use")
    def test_it_can_be_narrowed_and_widened_again(self, admin):
        page = text_of(admin.get(USAGE, {"model": "openai/gpt", "user": "ada"}))
        assert "anthropic/opus" not in page
        assert "1 of 1 steps reported" in page
        assert 'href="?days=30&amp;user=ada"' in page

    @pytest.mark.parametrize("query", [{"days": "-1"}, {"days": "x"}, {"model": "\0"}, {"user": HOSTILE}])
    def test_it_takes_nonsense_calmly(self, admin, query):
        assert HOSTILE not in text_of(admin.get(USAGE, query))

    def test_its_names_are_escaped(self, admin, owner):
        make_run(owner=owner, model=HOSTILE)
        assert HOSTILE not in text_of(admin.get(USAGE))

    @pytest.mark.usefixtures("some_use")
    def test_its_chart_has_a_bar_for_each_day_and_can_be_read_out(self, admin):
        page = text_of(admin.get(USAGE, {"days": "7"}))
        assert page.count('class="runnel-day"') == 7
        assert page.count('class="runnel-slot"') == 7
        assert 'role="img" aria-labelledby="chart-title chart-desc"' in page
        assert "Input: 12,000, of which cached: 3,000" in page
        begin = page.index('<div class="runnel-chart">')
        chart = page[begin : page.index("</figure>", begin)]
        assert "style=" not in chart
        plot, axis = chart.split("</svg>", 1)
        assert "runnel-value" not in plot, "the axis would leave with a plot that is scrolled"
        assert axis.count('<text class="runnel-axis runnel-value"') == plot.count('<line class="runnel-grid"')

    def test_its_queries_do_not_grow(self, admin, django_assert_max_num_queries):
        for number in range(15):
            make_step(make_run(owner=make_user(f"user{number}"), model=f"emulator/{number}"))
        with django_assert_max_num_queries(16):
            admin.get(USAGE)


class TestChart:
    """Pure geometry: a plot of 240 units whose floor lies at y = 252."""

    DAY = date(2026, 3, 2)

    def test_it_stacks_cached_input_then_input_then_output(self):
        figures = Figures(input_tokens=60, cached_input_tokens=20, output_tokens=20)
        picture = chart.draw({self.DAY: figures})
        assert [line.label for line in picture.grid] == ["0", "20", "40", "60", "80"]
        assert [(piece.kind, piece.y, piece.height) for piece in picture.bars[0].segments] == [
            ("cached", 192, 60),
            ("input", 72, 120),
            ("output", 12, 60),
        ]

    def test_it_draws_nothing_for_what_is_unknown_or_zero(self):
        days = {self.DAY: Figures(), self.DAY + timedelta(days=1): Figures(input_tokens=0, output_tokens=3)}
        picture = chart.draw(days)
        assert [len(bar.segments) for bar in picture.bars] == [0, 1]
        assert "Input: –" in picture.bars[0].tip
        assert "Input: 0" in picture.bars[1].tip

    @pytest.mark.parametrize("peak", [0, 1, 5, 6, 99, 100, 101, 12_345, 9_999_999, 50_000_000_001])
    def test_its_axis_reaches_over_the_highest_bar_with_few_lines(self, peak):
        picture = chart.draw({self.DAY: Figures(output_tokens=peak)})
        assert 5 <= len(picture.grid) <= 6
        assert len({line.label for line in picture.grid}) == len(picture.grid)
        assert all(piece.y >= picture.top for piece in picture.bars[0].segments)

    @pytest.mark.parametrize("length", [1, 7, 30, 90])
    def test_it_names_a_few_days_and_always_the_last(self, length):
        picture = chart.draw({self.DAY + timedelta(days=number): Figures() for number in range(length)})
        names = [bar.name for bar in picture.bars]
        assert names[-1]
        assert len([name for name in names if name]) <= chart.MOST_DAY_NAMES
        last = picture.bars[-1]
        assert last.x + last.width <= picture.right
