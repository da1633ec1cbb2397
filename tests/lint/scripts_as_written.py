#!/usr/bin/env python3
"""What scripts/ promise where nobody looks: packages install without questions behind sudo, no suite is no pass.

Each script runs on its own in an empty folder, where the commands that it calls are recorders.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import lint_common

ROOT = Path(__file__).resolve().parents[2]
# sudo gives a command a fresh environment (env_reset); the fake apt-get writes down what it got.
FAKES = {
    "id": 'echo 1000\n',
    "dpkg-query": "exit 1\n",
    "sudo": 'exec env -i PATH="$PATH" LOG="$LOG" "$@"\n',
    "apt-get": 'echo "$1 ${DEBIAN_FRONTEND-} ${RUNLEVEL-}" >> "$LOG"\n',
}


def run(folder, name, text, others, arguments=(), **env):
    """The finished script `name`, with `others` beside it and the fakes before everything else in PATH."""
    files = {f"scripts/{name}": text, **{f"scripts/{n}": t for n, t in others.items()},
             **{f"bin/{n}": "#!/usr/bin/env bash\n" + t for n, t in FAKES.items()}}
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content)
        (folder / path).chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "LOG": str(folder / "log"), **env}
    return subprocess.run([folder / "scripts" / name, *arguments], capture_output=True, text=True, env=env, timeout=60)


def install_deps(folder, text):
    done = run(folder, "install-deps", text, {"packages.txt": "a-package\n"})
    log = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
    if done.returncode != 0 or len(log) != 2:
        yield f"does not run apt-get update and install: exit {done.returncode}, {log}, {done.stderr}"
    for line in log:
        if line.split(" ")[1:] != ["noninteractive", "1"]:
            yield f"behind sudo, apt-get {line.split(' ')[0]} has lost DEBIAN_FRONTEND or RUNLEVEL"


def no_corpora(folder, text):
    others = {"install-deps": "#!/bin/sh\n", "fetch-lists": "#!/bin/sh\n", "build": "#!/bin/sh\ntouch built\nexit 1\n"}
    done = run(folder, "test", text, others, ["--corpora"], WINNOW_CORPORA=str(folder / "absent"))
    if done.returncode != 69 or "absent" not in done.stderr or done.stderr.count("\n") != 1:
        yield f"--corpora without suites: exit {done.returncode}, not 69 with one line that names the folder: {done.stderr}"
    if (folder / "built").exists():
        yield "--corpora without suites builds first"


CHECKS = {"scripts/install-deps": install_deps, "scripts/test": no_corpora}


def check(path, text):
    with tempfile.TemporaryDirectory() as folder:
        for complaint in CHECKS[path](Path(folder), text):
            yield 1, complaint


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


SAMPLES = [
    ("scripts/install-deps", text_of("scripts/install-deps"), 0),
    ("scripts/install-deps", text_of("scripts/install-deps").replace('(sudo "${as_root[@]}")', "(sudo)"), 2),
    ("scripts/install-deps", text_of("scripts/install-deps").replace("RUNLEVEL=1", ""), 2),
    ("scripts/test", text_of("scripts/test"), 0),
    ("scripts/test", text_of("scripts/test").replace("exit 69", "true"), 2),
]


if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__, paths=lambda _root: list(CHECKS))
