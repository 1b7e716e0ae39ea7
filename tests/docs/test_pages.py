"""The pages hold together: links lead somewhere, words are the vocabulary's, the lists are whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.twins.registry import TWINS
from tests.docs.pages import PAGES, ROOT, anchors, blocks, links

README_LINES = 160
OLD_WORDS = re.compile(
    r"men[d]ed|lea[s]h|held to it[s] word|the pil[e]|the hal[l]|processor time|the collector\b|95 ?% interval",
    re.IGNORECASE,
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A file that is there, and a heading that it has."""
    for link in links(page):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_words_are_the_vocabularys(page: Path) -> None:
    """None of the words that were replaced comes back; output that is quoted has the program's own."""
    text = re.sub(r"^```\n.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert not OLD_WORDS.findall(" ".join(text.split()))


def test_the_readme_is_short() -> None:
    """It is read before anything else; what is longer has a page of its own."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_the_readme_leads_to_every_page() -> None:
    """A page that nothing links to is not found."""
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md") if "://" not in link}
    assert set((ROOT / "docs").glob("*.md")) <= linked


def test_every_twin_is_listed() -> None:
    """A new twin needs its place in docs/twins.md, and one that went leaves it."""
    table = (ROOT / "docs" / "twins.md").read_text(encoding="utf-8").partition("| pattern | twins |")[2]
    listed = re.findall(r"`([a-z-]+)`", table.partition("\n## ")[0])
    assert sorted(listed) == sorted(twin.slug for twin in TWINS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_on_the_pages_compiles(page: Path) -> None:
    """What is copied is at least Python."""
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


def test_what_the_pages_import_exists() -> None:
    """Each import of ours and of the libraries beside it; `shop` is the reader's own service."""
    lines = [line for page in PAGES for block in blocks(page, "python") for line in block.splitlines()]
    imports = [line for line in lines if re.match(r"(from|import) (?!shop)", line)]
    assert any("sadpath" in line for line in imports)
    # A process of its own, in which Locust comes first: it patches what is imported after it.
    imports.sort(key=lambda line: "locust" not in line)
    subprocess.run([sys.executable, "-c", "\n".join(imports)], cwd=ROOT, check=True, timeout=300)
