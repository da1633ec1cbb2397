#!/usr/bin/env python3
"""Nothing in the tree names the machine that it was written on: no absolute path of a checkout, no address of a package
registry (lockfiles pin by version and integrity; the installing machine knows its registry)."""

import re
import subprocess

import lint_common

# Written in pieces, so that this file passes its own check.
RULES = [
    (r"(?<![\w.~-])/(?:wo" r"rk|fa" r"rm)(?:/|\b(?![/\w]))", "an absolute path of a build machine"),
    (r"(?<![\w.~-])/(?:ro" r"ot|ho" r"me/[a-z][\w-]*)/", "a path below somebody's home directory"),
    (r"\bregistry\.npm" r"js\.org\b|\bregistry\.yarn" r"pkg\.com\b", "the address of a package registry"),
    (r"\b(?:deb|ftp)\.debian\.o" r"rg\b|\bpy" r"pi\.org\b", "the address of a package registry"),
    (r'"resol' r'ved"\s*:\s*"(?:https?|git)', "a lockfile with download addresses"),
]
SUFFIXES = {".cpp", ".hpp", ".h", ".py", ".sh", ".md", ".toml", ".json", ".txt", ".tsv", ".csv", ".cmake", ".yaml", ".yml",
            ".ts", ".tsx", ".js", ".mjs", ".css", ".html", ".proto", ".service", ".conf", ".in", ""}


def tracked(root):
    """What git would commit; in a tree without git, every text file."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=root,
                             capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split("\0") if name]
    else:
        names = [path.relative_to(root).as_posix() for path in root.rglob("*")
                 if not lint_common.SKIPPED_DIRS & set(path.relative_to(root).parts)]
    out = []
    for name in sorted(names):
        path = root / name
        if path.is_file() and path.suffix in SUFFIXES and path.stat().st_size < 4_000_000:
            out.append(name)
    return out


def check(path, text):
    for pattern, message in RULES:
        for match in re.finditer(pattern, text):
            yield lint_common.line_of(text, match.start()), f"{match.group()}: {message}"


SAMPLES = [
    ("docs/a.md", "see /wo" "rk/main/core", 1),
    ("docs/a.md", "see /fa" "rm/x and `/wo" "rk`", 2),
    ("docs/a.md", "https://example.test/wo" "rk/x, and/or network/work, ../wo" "rk/y", 0),
    ("a.sh", "cd /ro" "ot/x; cd /ho" "me/jane/y", 2),
    ("package-lock.json", '"resol' 'ved": "https://registry.npm' 'js.org/a/-/a-1.0.0.tgz"', 2),
    ("package-lock.json", '"version": "1.0.0", "integrity": "sha512-x"', 0),
]

if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__, paths=tracked)
