"""Whatever other threads change while the probe reads it, a question is answered."""

from tests.probe.other_process import other_process

TIMES = 5


def test_every_question_is_answered_while_everything_changes() -> None:
    """Containers, attributes, modules, frames: none of it raises out of a question."""
    with other_process() as call:
        found = call("tests.probe.changing.answers_while_it_changes", TIMES)
    assert set(found.values()) == {TIMES}
    assert {answer.partition(" ")[2] for answer in found} == {"is answered"}
    assert len(found) == 9
