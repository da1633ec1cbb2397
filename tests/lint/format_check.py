#!/usr/bin/env python3
"""The sources are as clang-format writes them. By default what differs from the last commit and what that commit
touched; --all for the whole tree. Skipped where clang-format is not installed."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lint_common


def git(root, *arguments):
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.split("\0") if done.returncode == 0 else None


def changed(root):
    """None in a tree without git."""
    lists = [git(root, "diff", "--name-only", "-z", "HEAD"),
             git(root, "ls-files", "--others", "--exclude-standard", "-z"),
             git(root, "diff-tree", "--no-commit-id", "--name-only", "-r", "-z", "HEAD")]
    if None in lists:
        return None
    return {name for names in lists for name in names if name}


def unformatted(root, names):
    def complaint(name):
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", name], cwd=root, capture_output=True, text=True,
                              check=False)
        return "" if done.returncode == 0 else done.stderr.splitlines()[0]
    with ThreadPoolExecutor(2) as pool:
        return [text for text in pool.map(complaint, names) if text]


def self_test(root):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(root / ".clang-format", folder)
        Path(folder, "bad.cpp").write_text("int  main( ){return 0;}\n")
        Path(folder, "good.cpp").write_text("int main()\n{\n    return 0;\n}\n")
        found = unformatted(folder, ["bad.cpp", "good.cpp"])
        good = len(found) == 1 and "bad.cpp" in found[0]
        print("self-test:", "as expected" if good else f"failed: {found}")
        return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("clang-format"):
        print("clang-format is not installed")
        return lint_common.SKIP
    if arguments.self_test:
        return self_test(arguments.root)
    names = lint_common.files_under(arguments.root)
    touched = None if arguments.all else changed(arguments.root)
    if touched is not None:
        names = [name for name in names if name in touched]
    complaints = unformatted(arguments.root, names)
    print("\n".join(complaints + [f"{len(names)} files checked, {len(complaints)} not formatted"]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
