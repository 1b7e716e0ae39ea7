"""What the pages for people consist of: code blocks, commands, links."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
GENERATED = {"truth-table.md"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
]
PROGRAMS = {
    "curl",
    "docker",
    "locust",
    "make",
    "pip",
    "pre-commit",
    "promtool",
    "python",
    "python3",
    "sadpath",
    "uvicorn",
}
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"^[A-Z_]+=\S*$")


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, without the indentation that they have within a list."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [dedent(block) for its_language, block in found if its_language == language]


def commands(page: Path) -> list[str]:
    """All that a reader may type: the lines of the shell blocks, and the commands within the sentences."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    sentences = BLOCK.sub("", page.read_text(encoding="utf-8"))
    spans = [span for span in re.findall(r"`([^`\n]+)`", sentences) if is_command(span)]
    return [command for command in map(bare, [*lines, *spans]) if command]


def is_command(text: str) -> bool:
    """Whether it begins with a program, settings before it aside, and has at least one word more."""
    words = [word for word in text.split() if not SETTING.match(word)]
    return len(words) > 1 and words[0].removeprefix(".venv/bin/") in PROGRAMS


def bare(command: str) -> str:
    """The command without its comment, its folder and its alignment."""
    return " ".join(re.sub(r"(^|\s)#.*", "", command).replace(".venv/bin/", "").split())


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead."""
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are linked, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
