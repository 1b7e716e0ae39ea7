"""The pages keep their word: each line that says what the probe or a check does, or does not do, has a test."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in SECURITY.splitlines() if re.match(r"\| [^|-]", line)]
NAMED = re.compile(r"`?(test_\w+\.py)::(test_\w+)`?")

CHECK = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
PROBE = CHECK.partition("## What the probe does in your service\n")[2].partition("\n`sadpath check`")[0]
SENTENCES = [" ".join(line.split()) for line in re.findall(r"^- (.*(?:\n  .*)*)", PROBE, re.MULTILINE)]
EVIDENCE = {
    "It opens no port": [
        "test_agent.py::test_it_opens_no_port",
        "test_guest.py::test_the_service_answers_as_it_does_without_the_probe",
    ],
    "It listens on a Unix socket": ["test_agent.py::test_a_process_says_who_it_is"],
    "It calls none": ["test_hooks.py::test_no_code_of_the_users_is_called"],
    "What Python itself calls": [
        "test_hooks.py::test_what_the_interpreter_calls_by_itself_may_run_in_the_probes_thread"
    ],
    "It holds none": [
        "test_census.py::test_a_look_keeps_no_exception_no_frame_and_no_traceback_alive",
        "test_holders.py::test_a_search_keeps_nothing_alive",
        "test_growth.py::test_a_look_keeps_nothing_alive",
        "test_frozen.py::test_a_frozen_exception_is_not_kept_alive",
    ],
    "It answers with counts": ["test_census.py::test_nothing_that_a_look_returns_leads_to_a_frame"],
    "Its walks end": [
        "test_retained.py::test_a_look_ends_when_its_time_is_up",
        "test_route_walk.py::test_a_walk_that_would_take_too_long_is_ended_and_that_is_said",
    ],
    "It uses a descriptor only": [
        "test_closing_services.py::test_each_connection_to_the_service_is_answered_by_the_service"
    ],
    "It keeps four": [
        "test_agent.py::test_it_keeps_four_descriptors",
        "test_agent.py::test_it_answers_where_no_descriptor_is_free",
    ],
    "While a round": [
        "test_looks.py::test_it_is_off_for_a_round_and_then_on",
        "test_looks.py::test_it_comes_on_again_when_nobody_asks",
        "test_looks.py::test_a_collector_that_the_process_has_switched_off_stays_off",
    ],
    "It ends with the check": [
        "test_attach.py::test_it_answers_and_leaves_nothing",
        "test_attach.py::test_a_check_that_is_killed_leaves_nothing_in_the_process",
    ],
    "Of one that was attached": ["test_attach.py::test_a_fork_after_the_end_is_as_without_us"],
}
"""The tests of each sentence in which docs/check.md says what the probe does, by how it begins."""


def defined_in(file: Path) -> set[str]:
    """Return the names of the tests that a file defines."""
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(("claim", "evidence"), ROWS, ids=[claim.strip()[:40] for claim, _ in ROWS])
def test_each_line_has_tests_that_exist(claim: str, evidence: str) -> None:
    """A test that was renamed is renamed there; a line without one is a promise."""
    assert claim.strip()
    assert NAMED.findall(evidence)
    assert not NAMED.sub("", evidence).replace("<br>", "").strip()
    assert_that_they_exist(evidence)


@pytest.mark.parametrize("sentence", SENTENCES, ids=[one[:40] for one in SENTENCES])
def test_each_sentence_on_the_probe_has_tests_that_exist(sentence: str) -> None:
    """One that is written anew gets its evidence here."""
    (evidence,) = [tests for beginning, tests in EVIDENCE.items() if sentence.startswith(beginning)]
    assert_that_they_exist(" ".join(evidence))


def test_every_evidence_has_its_sentence() -> None:
    """What the page does not say any more needs none."""
    assert not [one for one in EVIDENCE if not any(sentence.startswith(one) for sentence in SENTENCES)]


def assert_that_they_exist(evidence: str) -> None:
    """See that each test which is named is defined in the file of that name."""
    for name, test in NAMED.findall(evidence):
        (file,) = (ROOT / "tests").rglob(name)
        assert test in defined_in(file)


def test_every_table_is_read() -> None:
    """So that a line in another form is none that nobody verifies."""
    assert len(ROWS) == SECURITY.count("`test_") - SECURITY.count("<br>")
    assert len(ROWS) > 20
