#!/usr/bin/env python3
"""Turns the published lists of data/npm, and our own in data/, into data/lists/*.txt.

Reads only data files of the packages; none of their code is run. Each list comes out sorted bytewise, one entry a line,
A-labels in lower case, under a header that tells source, version and count. Every domain is in at most one of the two
disposable lists, and a popular provider (data/popular.txt) is in neither.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")

# A list that is suddenly this short was renamed or emptied upstream: better no new list than a hollow one.
LEAST = {"disposable": 5_000, "disposable_weak": 50_000, "free": 3_000, "popular": 100, "role": 100, "tld": 1_000}


class ListError(Exception):
    """What is wrong, for a person."""


def a_label(name):
    """Lower-case A-label form; "" when the text is not a host name."""
    name = name.strip().rstrip(".").lower()
    try:
        name.encode("ascii")
    except UnicodeEncodeError:
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    if len(name) > 253 or not all(LABEL.match(label) for label in name.split(".")):
        return ""
    return name


def domains(entries):
    """Host names with at least two labels; entries that start with a dot mean all names below, like the others here."""
    found = set()
    for entry in entries:
        name = a_label(entry.lstrip("."))
        if "." in name:
            found.add(name)
    return found


def own_lines(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


class Packages:
    """The data files below a node_modules directory."""

    def __init__(self, root):
        self.root = root
        self.used = {}

    def path(self, package, name):
        self.used[package] = json.loads((self.root / package / "package.json").read_text(encoding="utf-8"))["version"]
        return self.root / package / name

    def strings(self, package, name):
        data = json.loads(self.path(package, name).read_text(encoding="utf-8"))
        if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
            raise ListError(f"{package}/{name} is not a JSON list of strings any more")
        return data

    def lines(self, package, name):
        return [line for line in self.path(package, name).read_text(encoding="utf-8").splitlines()
                if line and not line.startswith("#")]

    def source(self, *names):
        """Header lines."""
        return (" + ".join(names), " + ".join(self.used.get(name, "checked in") for name in names))


def convert(packages, data):
    """{list name: (source, version, lines)}"""
    popular = set(own_lines(data / "popular.txt"))
    precise = domains(packages.strings("disposable-email-domains-js", "dist/dict/disposable_email_blocklist.json"))
    wide = domains(packages.strings("disposable-email-domains", "index.json"))
    wide |= domains(packages.strings("disposable-email-domains", "wildcard.json"))
    disposable = precise - popular
    weak = wide - popular - precise

    free = domains(packages.lines("freemail", "data/free.txt"))
    free |= domains(packages.strings("email-providers", "common.json"))
    free -= disposable | weak
    for line in own_lines(data / "free_add.txt"):
        if line.startswith("-"):
            free.discard(line[1:])
        else:
            free.add(line)

    tlds = {a_label(name) for name in packages.strings("tlds", "index.json")} - {""}
    return {
        "disposable": (*packages.source("disposable-email-domains-js"), disposable),
        "disposable_weak": (*packages.source("disposable-email-domains"), weak),
        "free": (*packages.source("freemail", "email-providers", "winnow"), free),
        "popular": (*packages.source("winnow"), popular),
        "role": (*packages.source("winnow"), own_lines(data / "role.txt")),
        "tld": (*packages.source("tlds"), tlds),
    }


def write_lists(lists, out, least):
    """All or nothing: every list is checked before the first one is replaced."""
    for name, (_, _, lines) in lists.items():
        if len(lines) < least.get(name, 1):
            raise ListError(f"list {name} has only {len(lines)} entries, at least {least[name]} were expected")
    out.mkdir(parents=True, exist_ok=True)
    for name, (source, version, lines) in lists.items():
        text = f"# winnow list {name}, made by scripts/convert_lists.py: do not edit\n"
        text += f"# source: {source}\n# version: {version}\n# count: {len(lines)}\n"
        text += "".join(line + "\n" for line in sorted(lines))
        fresh = out / f".{name}.txt.new"
        fresh.write_text(text, encoding="ascii")
        os.replace(fresh, out / f"{name}.txt")


def main():
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True, help="a node_modules directory")
    parser.add_argument("--data", type=Path, default=root / "data")
    parser.add_argument("--out", type=Path, default=root / "data/lists")
    arguments = parser.parse_args()
    try:
        lists = convert(Packages(arguments.packages), arguments.data)
        write_lists(lists, arguments.out, LEAST)
    except (ListError, OSError, ValueError, KeyError) as problem:
        print(f"convert_lists: {problem}", file=sys.stderr)
        return 1
    for name, (source, version, lines) in lists.items():
        print(f"{name}: {len(lines)} ({source} {version})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
