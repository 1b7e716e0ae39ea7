"""Every query of the dashboards and the rules, run on a real Prometheus that scraped the real lab."""

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


def test_every_panel_and_every_rule_is_tested() -> None:
    """The tables have the titles of the committed panels and the names of the committed alerts, and no others."""
    assert {question.where for question in PANELS} == {" / ".join(where) for where in questions.PANELS}
    assert {question.where for question in ALERTS} == set(questions.ALERTS)


@pytest.mark.parametrize("question", PANELS, ids=name)
def test_every_panel_has_data(watched: Lab, question: Question) -> None:
    """The data have a sane size and sign while both arms are in their first process lifetime."""
    check(watched.prometheus.ask(question.expr, watched.parted), question.sane)


@pytest.mark.parametrize("question", ALERTS, ids=name)
def test_every_alert_finds_the_leak_and_nothing_else(watched: Lab, question: Question) -> None:
    """The memory alerts find it before the first kill, the alert on restarts at the end."""
    at = watched.ended if question.where == "RestartLoop" else watched.parted
    answer = watched.prometheus.ask(question.expr, at)
    check(answer, question.sane)
    assert arms(answer) == {"reused"}


def test_prometheus_evaluates_every_rule_as_it_is_committed(watched: Lab) -> None:
    """Each has its own windows, runs every few seconds and has no error."""
    assert watched.prometheus.rules() == dict.fromkeys(questions.ALERTS, "ok")


@pytest.mark.parametrize(
    ("board", "annotation", "expr", "lifetimes"),
    [(*one, lifetimes) for one, lifetimes in zip(questions.annotations(), [1, 2, 3], strict=True)],
)
def test_a_restart_has_one_mark_at_its_time(
    watched: Lab, board: str, annotation: str, expr: str, lifetimes: int
) -> None:
    """The arm was killed once and restarted twice without a kill; the arm that kept running has no mark."""
    answer = watched.prometheus.ask_over(expr, watched.began, watched.ended)
    check(answer, Sane(low=watched.parted * 1000, high=watched.ended * 1000))
    assert arms(answer) == {"reused"}
    assert len({value for series in answer for value in series.values}) == lifetimes, (board, annotation)


@pytest.mark.parametrize(("variable", "label", "selector"), questions.variables())
def test_every_variable_has_its_choices(watched: Lab, variable: str, label: str, selector: str) -> None:
    """They are the job, and the instances of only that job."""
    choices = watched.prometheus.label_values(label, selector)
    assert len(choices) == {"job": 1, "instance": 2}[variable], choices


def test_requests_to_an_arm_that_is_down_are_failures(watched: Lab) -> None:
    """The arm `reused` had some while it restarted, the arm `factory` none."""
    (panel,) = [question for question in PANELS if "locust_failures" in question.expr]
    most = {
        series.labels["arm"]: max(series.values)
        for series in watched.prometheus.ask_over(panel.expr, watched.parted, watched.ended)
    }
    assert most["reused"] > 1
    assert most["factory"] == 0


@pytest.mark.parametrize("question", PANELS + ALERTS, ids=name)
def test_a_prometheus_without_data_does_not_pass(empty: Prometheus, question: Question) -> None:
    """Every question fails: none has a constant for an answer."""
    with pytest.raises(AssertionError, match="no data"):
        check(empty.ask(question.expr), question.sane)


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf")], [0.0], [-1.0], [1e9], [5.0, float("nan")]])
def test_a_senseless_answer_does_not_pass(values: list[float]) -> None:
    """It is empty, not a number, infinite, zero, negative, too large, or has one bad value among good ones."""
    with pytest.raises(AssertionError):
        check([Series({}, values)], Sane(1, 10))


def test_a_sane_answer_passes() -> None:
    """One series that reaches the figure is enough: the flat arm may be zero."""
    check([Series({}, [5.0]), Series({}, [0.0])], Sane(1, 10))
