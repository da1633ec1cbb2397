#!/usr/bin/env python3
"""Each header compiles alone, with the flags of its room. What has passed is remembered in the build directory with the
files that it read, so that a second run compiles only what changed."""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lint_common


def options(words):
    """What a header needs of a compiler's arguments: tuples of an option and, where it is its own word, its value."""
    left = iter(words)
    for word in left:
        # Without the tree's precompiled header: with it no header would show what it lacks.
        if word == "-Winvalid-pch":
            continue
        if word == "-include":
            next(left)
        elif word in ("-isystem", "-I"):
            yield (word, next(left))
        elif word in ("-o", "-c", "-MF", "-MT", "-MQ"):
            next(left)
        elif word.startswith("-") and not word.startswith(("-M", "-O", "-g", "-fsanitize")):
            yield (word,)


def flags_by_room(build, root):
    """Compiler and options of each top folder's sources together (generated headers may be in any -I of theirs)."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["file"])
        if not source.is_relative_to(root):
            continue
        words = shlex.split(entry["command"])
        compiler = next(i for i, word in enumerate(words) if re.search(r"(g\+\+|c\+\+|clang\+\+)[-\d.]*$", word))
        room = flags.setdefault(source.relative_to(root).parts[0], {(words[compiler],): None})
        room.update(dict.fromkeys(options(words[compiler + 1:])))
    return {room: [word for option in found for word in option] for room, found in flags.items()}


def compile_alone(header, command, cwd):
    """(error text or "", files read)."""
    with tempfile.NamedTemporaryFile(suffix=".d") as depends:
        done = subprocess.run([*command, "-fsyntax-only", "-MMD", "-MF", depends.name, "-MT", "x", "-x", "c++", "-"],
                              input=f'#include "{header}"\n#include "{header}"\n', cwd=cwd, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            return done.stderr or "the compiler failed", []
        names = Path(depends.name).read_text().replace("\\\n", " ").split()[1:]
        return "", [str((Path(cwd) / name).resolve()) for name in names if name != "-"]


def stamp(path):
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def check_headers(root, headers, flags, cache_path, jobs):
    """Error texts by header."""
    try:
        cache = json.loads(cache_path.read_text())
    except (OSError, ValueError):
        cache = {}
    stamps = {}

    def fresh(header, command):
        known = cache.get(header)
        if not known or known["command"] != command:
            return False
        return all(stamps.setdefault(name, stamp(name)) == when for name, when in known["read"].items())

    errors, todo = {}, []
    for header in headers:
        room = header.split("/", 1)[0]
        command = flags.get(room) or flags.get("tests") or next(iter(flags.values()))
        if not fresh(header, command):
            todo.append((header, command))
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda item: compile_alone(item[0], item[1], root), todo)
        for (header, command), (error, read) in zip(todo, results):
            cache.pop(header, None)
            if error:
                errors[header] = error
            else:
                cache[header] = {"command": command, "read": {name: stamp(name) for name in read}}
    cache_path.write_text(json.dumps(cache))
    print(f"{len(headers)} headers, {len(todo)} compiled, {len(errors)} do not compile alone")
    return errors


def self_test():
    """A header that lacks an include is found, a whole one passes, and is compiled again after a change."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "core").mkdir()
        (root / "core/bad.hpp").write_text("#pragma once\ninline std::string f() { return {}; }\n")
        (root / "core/good.hpp").write_text("#pragma once\n#include <string>\ninline std::string g() { return {}; }\n")
        (root / "core/unguarded.hpp").write_text("inline int h() { return 1; }\n")
        flags = {"core": ["c++", "-std=c++20", f"-I{root}"]}
        headers = ["core/bad.hpp", "core/good.hpp", "core/unguarded.hpp"]
        cache = root / "cache.json"
        first = sorted(check_headers(root, headers, flags, cache, 2))
        (root / "core/good.hpp").write_text("#pragma once\ninline std::string g() { return {}; }\n")
        second = sorted(check_headers(root, headers, flags, cache, 2))
        good = first == ["core/bad.hpp", "core/unguarded.hpp"] and second == headers
        print("self-test:", "as expected" if good else f"failed: {first} {second}")
        return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=Path, help="build directory with compile_commands.json")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    flags = flags_by_room(arguments.build, arguments.root)
    headers = lint_common.files_under(arguments.root, (".hpp",))
    cache = arguments.build / "header_self_containment.json"
    errors = check_headers(arguments.root, headers, flags, cache, arguments.jobs)
    for header, error in sorted(errors.items()):
        first = next((line for line in error.splitlines() if "error" in line), error.strip())
        print(f"{header}: {first}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
