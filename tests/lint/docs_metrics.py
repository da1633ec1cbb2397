#!/usr/bin/env python3
"""docs/api.md lists every metric that the code registers, and no other."""

import re
from pathlib import Path

import lint_common

ROOT = Path(__file__).resolve().parents[2]
REGISTERED = re.compile(r'\b(counter|gauge|histogram)\(\s*"(winnow_\w+)"')
LISTED = re.compile(r"^\| `(winnow_\w+)` \| (\w+) \|", re.MULTILINE)


def registered():
    """Kind by name."""
    found = {}
    for path in lint_common.files_under(ROOT, dirs=lint_common.ROOMS):
        for kind, name in REGISTERED.findall((ROOT / path).read_text(encoding="utf-8")):
            found[name] = kind
    return found


def check(_path, text):
    metrics = registered()
    for match in LISTED.finditer(text):
        line, (name, kind) = lint_common.line_of(text, match.start()), match.groups()
        known = metrics.pop(name, None)
        if known is None:
            yield line, f"no code registers {name}, or it is listed twice"
        elif known != kind:
            yield line, f"{name} is a {known}"
    for name in sorted(metrics):
        yield 1, f"the list of metrics lacks {name}"


ALL = "".join(f"| `{name}` | {kind} | text |\n" for name, kind in sorted(registered().items()))
SAMPLES = [
    ("docs/sample.md", ALL, 0),
    ("docs/sample.md", "", ALL.count("\n")),
    ("docs/sample.md", ALL + "| `winnow_no_such_total` | counter | text |\n", 1),
    ("docs/sample.md", ALL.replace("| gauge |", "| counter |"), ALL.count("| gauge |")),
]


if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__, paths=lambda _root: ["docs/api.md"])
