#!/usr/bin/env python3
"""Documents name what is there: every relative link, and every file of the tree in `code`, exists.

A name without suffix stands for a folder or for the files that begin with it: `core/gate` is core/gate.cpp and .hpp.
Names with a placeholder (`*`, `{}`, `<>`) and files that only a build or a server makes are passed over.
"""

import re
from pathlib import Path

import lint_common

ROOT = Path(__file__).resolve().parents[2]
TREES = lint_common.ROOMS + ("tests", "bench", "cmake", "docs", "data", "scripts", "packaging", "web")
GENERATED = ("data/lists", "build/")

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
NAMED = re.compile(r"`((?:%s)/[A-Za-z0-9_./+-]*)`" % "|".join(TREES))


def anchors(text):
    """The anchors that GitHub gives to the headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}


def exists(name):
    path = ROOT / name
    if path.exists() or name.startswith(GENERATED):
        return True
    return path.parent.is_dir() and any(path.parent.glob(path.name + ".*"))


def check(path, text):
    folder = (ROOT / path).parent
    for match in LINK.finditer(text):
        line, target = lint_common.line_of(text, match.start()), match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (folder / name) if name else ROOT / path
        if name and not file.exists():
            yield line, f"the link {target} leads nowhere"
        elif anchor and file.suffix == ".md":
            there = text if not name else file.read_text(encoding="utf-8")
            if anchor not in anchors(there):
                yield line, f"{name or path} has no heading #{anchor}"
    for match in NAMED.finditer(text):
        if not exists(match.group(1)):
            yield lint_common.line_of(text, match.start()), f"there is no {match.group(1)}"


SAMPLES = [
    ("docs/sample.md", "see [the list](../README.md) and `core/gate.cpp`, `core/gate`, `data/lists/free.txt`\n", 0),
    ("docs/sample.md", "# One two\n\n[up](#one-two) [out](https://example.com/x) `core/no_such_room/*`\n", 0),
    ("docs/sample.md", "see [nothing](no_such_file.md)\n", 1),
    ("docs/sample.md", "read `core/no_such_file.cpp` and [this](#no-heading)\n", 2),
]


def documents(root):
    found = [path for path in root.glob("*.md")] + list((root / "docs").rglob("*.md")) + list(root.glob("data/*.md"))
    return sorted(path.relative_to(root).as_posix() for path in found)


if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__, paths=documents)
