"""Remember the Python language reference, which every CPython carries, and answer a newcomer's questions from it.

The first run embeds about 800 paragraphs. A second one finds them in the file and embeds only the questions.
"""

from __future__ import annotations

import argparse
import re
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from pydoc_data.topics import topics as reference
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from am_agent import Memory, Recall

FILE = Path(__file__).resolve().parents[1] / ".demo" / "python.db"
QUESTIONS = (
    "how do I catch two kinds of exception at once?",
    "why does my default argument keep its value between calls?",
    "how do I make sure that a file is closed, even after an error?",
    "what is the difference between is and ==?",
    "how do I print a number with two decimals?",
    "what does yield do in a function?",
)

# The encoder reads about a thousand characters at once, and a sentence or two of fewer than 120 say little alone.
_FULL, _SHORT = 1000, 120
_HEADING = re.compile(r"\A(\S.*)\n([*=\-^~\"])\2+\Z|\A-\[ (.+) \]-\Z")
_TABLE_RULE = re.compile(r"^ *[+|][-=+|]+$\n?", re.MULTILINE)
_LINE = re.compile(r"[*=-]{4,}")
_ASIDE = re.compile(r" *((New|Added|Changed|Deprecated) (in|since)|See also:|\*\*Source code)")
_ITEM = re.compile(r" *(\*|\d+\.|[a-z]\)|[IVX]+\.) ")
_TERM = re.compile(r"( *)\S.*[^:.](\n\1\S.*[^:.])*")  # such as a signature: each line as far in, no end of a sentence
_CONTINUED = re.compile(r" *(\||(is|are|was|were|at|and|or|but|except) )")


def paragraphs(page: str) -> Iterator[str]:
    """Cut a page of the reference into paragraphs that can be understood alone; no word of it is lost.

    Blank lines part the blocks of a page. A block stays with the one before it if it is code, a table or the body of
    a definition, goes on with its sentence, says since when it holds, or follows a heading or a line that ends with a
    colon; items of a list and single short sentences do, too, while they fit. Underlines and rules are left out.
    """
    blocks = [each for each in re.split(r"\n\s*\n", _TABLE_RULE.sub("", page).strip("\n")) if not _LINE.fullmatch(each)]
    paragraph: list[str] = []
    for block, after in zip(blocks, [*blocks[1:], ""], strict=True):
        if paragraph and not _belongs(block, after, paragraph):
            yield _text(paragraph)
            paragraph = []
        paragraph.append(block)
    if paragraph:
        yield _text(paragraph)


def _belongs(block: str, after: str, paragraph: list[str]) -> bool:
    base = _indent(paragraph[0])
    if all(_HEADING.fullmatch(each) or _ASIDE.match(each) or _indent(each) > base for each in paragraph):
        return True  # nothing but headings and grammar so far
    if _HEADING.fullmatch(block) or _indent(block) < base:
        return False
    if paragraph[-1].endswith((":", "—")):
        return True
    fits = sum(map(len, paragraph)) + len(block) <= _FULL
    if _ITEM.match(block):
        return fits
    if _CONTINUED.match(block) or _ASIDE.match(block):
        return True
    leads_in = _indent(after) > _indent(block)  # to code, or to the body of a definition
    if leads_in and _TERM.fullmatch(block):
        return False
    if _indent(block) > base:
        return True
    return fits and len(block) < _SHORT and not (leads_in and _indent(paragraph[-1]) > base)


def _indent(block: str) -> int:
    return len(block) - len(block.lstrip(" "))


def _text(paragraph: list[str]) -> str:
    return textwrap.dedent("\n\n".join(_HEADING.sub(r"\1\3", block) for block in paragraph))


def episodes(pages: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Turn pages into items of `remember_many`, each paragraph once: pages such as "compound" repeat smaller ones."""
    seen: set[str] = set()
    for topic in sorted(pages, key=lambda topic: (len(pages[topic]), topic)):
        number = 0
        for text in paragraphs(pages[topic]):
            said = " ".join(re.sub(r"\[\d+\]", "", text).split())  # footnotes are numbered page by page
            if said not in seen:
                seen.add(said)
                number += 1
                yield {"id": f"{topic}-{number}", "text": text, "metadata": {"topic": topic}}


def show(console: Console, question: str, recall: Recall) -> None:
    """Print what a question called to mind."""
    table = Table(title=question, caption=f"energy {recall.energy:.3f}", title_justify="left", show_lines=True)
    table.add_column("paragraph")
    table.add_column("similarity", justify="right")
    table.add_column("weight", justify="right")
    for each in recall:
        text = textwrap.shorten(each.text, 240, placeholder=" …", break_on_hyphens=False)
        # Text, since "[self]" in a plain string would be markup.
        table.add_row(Text(f"{each.id}: {text}"), f"{each.similarity:.3f}", f"{each.weight:.3f}")
    console.print(table)


def main(db: Path = FILE, pages: Mapping[str, str] = reference) -> None:
    """Remember the pages in a file and answer the questions from it."""
    console = Console()
    items = list(episodes(pages))
    db.parent.mkdir(parents=True, exist_ok=True)
    with Memory(db) as memory:
        console.print(f"Remembering {len(items)} paragraphs of {len(pages)} pages ...")
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        start = time.perf_counter()
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=len(items))
            receipt = memory.remember_many(items, batch=32, progress=lambda done: bar.update(task, completed=done))
        remembering = time.perf_counter() - start

        seconds: list[float] = []
        for question in QUESTIONS:
            start = time.perf_counter()
            recall = memory.recall(question, k=3)
            seconds.append(time.perf_counter() - start)
            show(console, question, recall)

        stored = memory.count()
    first, later = seconds[0], 1000 * sum(seconds[1:]) / len(seconds[1:])
    loading = "" if receipt.recorded else ", which loaded the encoder"
    console.print(f"{db}: {stored} paragraphs, {db.stat().st_size / 2**20:.1f} MiB", soft_wrap=True)
    console.print(f"remembering {remembering:.1f} s: {receipt.recorded} embedded, {receipt.unchanged} there already")
    console.print(f"first recall {first:.2f} s{loading}; each of the others {later:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", type=Path, default=FILE, help="the memory's file (default: %(default)s)")
    main(parser.parse_args().db)
