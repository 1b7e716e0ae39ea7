"""Make requests from generated descriptions: `python make_generated_cases.py COUNT`.

A process of its own, since schemathesis and Locust do not get along in one. It ends with 0 where nothing was raised.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path

from hypothesis import given

sys.path.insert(0, str(Path(__file__).parents[2]))

from sadpath.check.find.cases import case_task
from sadpath.check.find.schema_cases import lines, operations
from tests.check.generated_descriptions import pages, read
from tests.generated import examples

LINE_OF_A_REQUEST = re.compile(r"/[!-~]*")


@given(pages())
@examples(int(sys.argv[1]))
def make(page: bytes) -> None:
    """Make requests from a page, each of which can be sent, unless that is no description."""
    with suppress(ValueError):
        schema = read(page)
        notes: list[str] = []
        for operation in operations(**json.loads(json.dumps(case_task(schema))), notes=notes):
            for line in lines(operation, notes):
                case = json.loads(line)
                assert LINE_OF_A_REQUEST.fullmatch(case["path"]), case
                assert not re.search("[\r\n]", "".join([*case["headers"], *case["headers"].values()])), case


if __name__ == "__main__":
    make()
