"""What the lint scripts share: walking the source tree, blanking comments and strings, reporting, and self-tests.

Each script defines `check(path, text)`, which yields (line, message), and `SAMPLES`, texts with the number of findings
that each must give. `--self-test` runs the samples, so that a check that can no longer fail is itself a failure.
"""

import argparse
import re
import sys
from pathlib import Path

ROOMS = ("core", "net", "mail", "storage", "verifier", "relay", "sandbox", "api", "app")
CODE_DIRS = ROOMS + ("tests", "bench", "cmake")
SKIPPED_DIRS = {".git", ".cache", "build", "node_modules", "__pycache__"}
SKIP = 77  # CTest's SKIP_RETURN_CODE


def files_under(root, suffixes=(".cpp", ".hpp"), dirs=CODE_DIRS):
    """Paths relative to the root, sorted."""
    found = []
    for name in dirs:
        for path in (root / name).rglob("*"):
            relative = path.relative_to(root)
            if path.suffix in suffixes and path.is_file() and not SKIPPED_DIRS & set(relative.parts):
                found.append(relative.as_posix())
    return sorted(found)


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def blank(text, keep_strings=False):
    """The text with comments (and strings) replaced by spaces; lines and columns stay where they are."""
    def replace(match):
        token = match.group()
        if token.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", token)
        if keep_strings:
            return token
        return token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]
    return _TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def self_test(check, samples):
    """Each sample is (path, text, number of findings)."""
    failed = 0
    if not any(expected for _, _, expected in samples):
        print("self-test: no sample is bad, so nothing proves that the check can fail")
        failed += 1
    for path, text, expected in samples:
        found = list(check(path, text))
        if len(found) != expected:
            failed += 1
            print(f"self-test: {path}: expected {expected} findings, got {len(found)}: {found}\n{text}")
    print(f"self-test: {len(samples) - failed} of {len(samples)} samples as expected")
    return 1 if failed else 0


def run(check, samples, description, suffixes=(".cpp", ".hpp"), dirs=CODE_DIRS, paths=None):
    """The script's main: checks the tree, or with --self-test the samples. Returns the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true", help="check that the samples give what they must")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test(check, samples)
    names = paths(arguments.root) if paths else files_under(arguments.root, suffixes, dirs)
    if not names:
        print("no file to check: the source root is wrong")
        return 1
    findings = 0
    for name in names:
        text = (arguments.root / name).read_text(encoding="utf-8", errors="replace")
        for line, message in check(name, text):
            findings += 1
            print(f"{name}:{line}: {message}")
    print(f"{len(names)} files checked, {findings} findings")
    return 1 if findings else 0


def main(*arguments, **options):
    sys.exit(run(*arguments, **options))
