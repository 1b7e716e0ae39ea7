"""Everything that the dashboards and the rules ask, asked of a real Prometheus that watched the real lab."""

from collections.abc import Sequence

import pytest

from tests.grafana import questions
from tests.grafana.lab import Lab, Prometheus, Series
from tests.grafana.questions import Question, Sane, check

PANELS = list(questions.of_panels())
ALERTS = list(questions.of_alerts())


def name(question: object) -> str | None:
    return question.where if isinstance(question, Question) else None


def arms(answer: Sequence[Series]) -> set[str]:
    return {series.labels["arm"] for series in answer}


def test_no_panel_and_no_rule_goes_unasked() -> None:
    """Each title and each alert of the tables is committed, and each committed one is in the tables."""
    assert {question.where for question in PANELS} == {" / ".join(where) for where in questions.PANELS}
    assert {question.where for question in ALERTS} == set(questions.ALERTS)


@pytest.mark.parametrize("question", PANELS, ids=name)
def test_every_panel_has_data(watched: Lab, question: Question) -> None:
    """Of a sane size and sign, while both arms were in their first lifetime."""
    check(watched.prometheus.ask(question.expr, watched.parted), question.sane)


@pytest.mark.parametrize("question", ALERTS, ids=name)
def test_every_alert_finds_the_leak_and_nothing_else(watched: Lab, question: Question) -> None:
    """The memory's alerts before the first kill, the restart loop at the end."""
    at = watched.ended if question.where == "RestartLoop" else watched.parted
    answer = watched.prometheus.ask(question.expr, at)
    check(answer, question.sane)
    assert arms(answer) == {"reused"}


def test_prometheus_evaluates_every_rule_as_it_is_committed(watched: Lab) -> None:
    """With its own windows, every few seconds, and without an error."""
    assert watched.prometheus.rules() == dict.fromkeys(questions.ALERTS, "ok")


@pytest.mark.parametrize(
    ("board", "annotation", "expr", "lifetimes"),
    [(*one, lifetimes) for one, lifetimes in zip(questions.annotations(), [1, 2, 3], strict=True)],
)
def test_a_restart_is_marked_once_when_it_was(
    watched: Lab, board: str, annotation: str, expr: str, lifetimes: int
) -> None:
    """At the start of the new lifetime: one after a kill, two for no reason; the arm that lived on has no mark."""
    answer = watched.prometheus.ask_over(expr, watched.began, watched.ended)
    check(answer, Sane(low=watched.parted * 1000, high=watched.ended * 1000))
    assert arms(answer) == {"reused"}
    assert len({value for series in answer for value in series.values}) == lifetimes, (board, annotation)


@pytest.mark.parametrize(("variable", "label", "selector"), questions.variables())
def test_every_variable_has_its_choices(watched: Lab, variable: str, label: str, selector: str) -> None:
    """The job, and the instances of that job alone."""
    choices = watched.prometheus.label_values(label, selector)
    assert len(choices) == {"job": 1, "instance": 2}[variable], choices


def test_requests_that_met_no_arm_are_failures(watched: Lab) -> None:
    """While the reused arm was down; the factory arm had none."""
    (panel,) = [question for question in PANELS if "locust_failures" in question.expr]
    most = {
        series.labels["arm"]: max(series.values)
        for series in watched.prometheus.ask_over(panel.expr, watched.parted, watched.ended)
    }
    assert most["reused"] > 1
    assert most["factory"] == 0


@pytest.mark.parametrize("question", PANELS + ALERTS, ids=name)
def test_a_prometheus_without_data_does_not_pass(empty: Prometheus, question: Question) -> None:
    """Every single question is refused: none answers itself with a constant."""
    with pytest.raises(AssertionError, match="no data"):
        check(empty.ask(question.expr), question.sane)


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf")], [0.0], [-1.0], [1e9], [5.0, float("nan")]])
def test_an_answer_that_makes_no_sense_does_not_pass(values: list[float]) -> None:
    """Empty, not a number, endless, zero, negative, too large, or one bad value among good ones."""
    with pytest.raises(AssertionError):
        check([Series({}, values)], Sane(1, 10))


def test_a_sane_answer_passes() -> None:
    """One series that reaches the figure is enough: a flat arm beside it may be zero."""
    check([Series({}, [5.0]), Series({}, [0.0])], Sane(1, 10))
