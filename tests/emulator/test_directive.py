import pytest

from emulator.actions import Fault, Hint
from emulator.directive import Directive, DirectiveError, Point, Trouble, parse


@pytest.mark.parametrize(
    ("text", "directive"),
    [
        ("Hello?", None),
        ("[[not=ours]] [fault=reset] fault=reset", None),
        ("[[fault=reset]]", Directive(trouble=Trouble.RESET)),
        ("Say\n[[fault=reset after=5]] it.", Directive(trouble=Trouble.RESET, after=5)),
        ("[[fault=  silence   after=headers ]]", Directive(trouble=Trouble.SILENCE, after=Point.HEADERS)),
        ("[[fault=silence]]", Directive(trouble=Trouble.SILENCE, after=Point.REQUEST)),
        ("[[fault=delay]]", Directive(trouble=Trouble.DELAY, delay=1)),
        ("[[fault=empty delay=0.5 attempts=2]]", Directive(trouble=Trouble.EMPTY, delay=0.5, attempts=2)),
        ("[[fault=error]]", Directive(trouble=Trouble.ERROR, status=500)),
        (
            "[[fault=error status=429 retry_after=7]]",
            Directive(trouble=Trouble.ERROR, status=429, hint=Hint(seconds="7")),
        ),
        (
            "[[fault=error kind=overloaded retry_after_ms=250]]",
            Directive(trouble=Trouble.ERROR, kind=Fault.OVERLOADED, hint=Hint(milliseconds="250")),
        ),
        (
            "[[fault=error status=503 retry_date=9]]",
            Directive(trouble=Trouble.ERROR, status=503, hint=Hint(date=9.0)),
        ),
        (
            "[[fault=error status=429 retry_after=soon]]",
            Directive(trouble=Trouble.ERROR, status=429, hint=Hint(seconds="soon")),
        ),
        ("[[fault=html status=502]]", Directive(trouble=Trouble.HTML, status=502)),
        ("[[fault=only_pings every=0.01]]", Directive(trouble=Trouble.ONLY_PINGS, after=0, every=0.01)),
        ("[[fault=long_line size=9]]", Directive(trouble=Trouble.LONG_LINE, size=9)),
    ],
)
def test_it_reads_what_was_ordered(text: str, directive: Directive | None):
    assert parse(text) == directive


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[fault=rest]]", ("'rest'", "reset", "silence")),
        ("[[fault=]]", ("''",)),
        ("[[fault=reset color=red]]", ("'reset'", "'color'", "after", "delay", "attempts")),
        ("[[fault=reset after]]", ("'after'",)),
        ("[[fault=html after=3]]", ("'html'", "'after'")),
        ("[[fault=reset after=soon]]", ("'soon'", "request", "headers", "end")),
        ("[[fault=truncate after=end]]", ("'truncate'", "end")),
        ("[[fault=reset after=1 after=2]]", ("'after'", "twice")),
        ("[[fault=reset delay=-1]]", ("'delay'", "'-1'")),
        ("[[fault=reset delay=nan]]", ("'delay'", "'nan'")),
        ("[[fault=reset attempts=0]]", ("'attempts'", "'0'")),
        ("[[fault=only_pings every=0]]", ("'every'", "'0'")),
        ("[[fault=error status=200]]", ("'error'", "400", "200")),
        ("[[fault=redirect status=404]]", ("'redirect'", "404")),
        ("[[fault=error kind=tired]]", ("'tired'", "overloaded")),
        ("[[fault=reset]] and [[fault=empty]]", ("one directive",)),
        ("[[fault=reset", ("one directive",)),
    ],
)
def test_it_names_what_does_not_exist(text: str, words: tuple[str, ...]):
    with pytest.raises(DirectiveError) as caught:
        parse(text)

    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("trouble", Trouble)
def test_every_fault_can_be_ordered_late_and_for_the_first_times_only(trouble: Trouble):
    directive = parse(f"[[fault={trouble} delay=0.25 attempts=1]]")

    assert directive is not None
    assert (directive.delay, directive.attempts) == (0.25, 1)
