"""The commands of README.md and docs/*.md work as they are written, and the configurations in them are valid.

Each ```sh block is executed, the blocks of a document one after the other in one shell, in a folder that holds
docs/examples. Changed are the ports only: the documented ones stand for free ones. A command that runs on in the background
(`winnow serve ... &`) is waited for until it listens. A comment `# exit N` behind a command names the exit code that it must
end with; all others must end with 0. Each ```toml block is given to `winnow config check`, and each flag that the text names is
looked for in the program's help.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess

from harness import PATIENCE, ROOT, Failed, Lab, expect, free_port, main, wait_for

# What documents call the listeners; where a command listens says when it is ready.
PORTS = {"127.0.0.1:8080": "http", "127.0.0.1:2525": "submission", "127.0.0.1:2530": "bounce", "127.0.0.1:5353": "dns"}
SMTP_PORT = re.compile(r"(--smtp-port |smtp_port = )2526\b")
READY = {"sandbox": "dns", "serve": "http"}

PRELUDE = r"""
set -uo pipefail
ready() {
  for _ in $(seq 600); do
    kill -0 $! 2>/dev/null || { echo "the command in the background ended"; exit 1; }
    (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null && return 0
    sleep 0.05
  done
  echo "nothing listens on port $1"; exit 1
}
ended() {
  [[ $1 == "$2" ]] || { echo "exit code $1, expected $2"; exit 1; }
}
"""


def blocks(text, language):
    """(line, content) of each fenced block of a language."""
    found = []
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.M | re.S):
        found.append((text.count("\n", 0, match.start(1)) + 1, match.group(1)))
    return found


def commands(block):
    """(line in the block, command) with continued lines joined."""
    lines, start, command = block.splitlines(), 0, ""
    for number, line in enumerate(lines):
        if not command:
            start = number
        command += line + "\n"
        if line.endswith("\\"):
            continue
        if command.strip() and not command.lstrip().startswith("#"):
            yield start, command.rstrip("\n")
        command = ""


def script_of(document, text, ports):
    """The document's commands as one shell script; every command says where it stands."""
    script = [PRELUDE]
    for first, block in blocks(text, "sh"):
        for number, command in commands(block):
            script.append(f"echo '--- {document}:{first + number}'")
            exit_code = re.search(r"\s# exit (\d+)$", command)
            if command.endswith("&"):
                name = re.search(r"winnow (\w+)", command)
                expect(name and name.group(1) in READY, f"{document}:{first + number}: what does it listen on? {command}")
                script += [command, f"ready {ports[READY[name.group(1)]]}"]
            else:
                script += [command, f"ended $? {exit_code.group(1) if exit_code else 0}"]
    return "\n".join(script) + "\n"


def with_free_ports(text, ports):
    for documented, name in PORTS.items():
        text = text.replace(documented, f"127.0.0.1:{ports[name]}")
    return SMTP_PORT.sub(lambda match: f"{match.group(1)}{ports['smtp']}", text)


def sandbox_takes_free_port(script, ports):
    """The sandbox's ports are defaults, so the commands do not spell them."""
    return re.sub(r"winnow sandbox (?!--make-list)", f"winnow sandbox --dns-listen 127.0.0.1:{ports['dns']} "
                  f"--smtp-port {ports['smtp']} ", script)


def end_group(leader):
    """What still runs of a shell and its background commands."""
    try:
        os.killpg(leader, signal.SIGTERM)
        wait_for("the background commands to end", lambda: not group_runs(leader), 30)
    except ProcessLookupError:
        pass
    except Failed:
        os.killpg(leader, signal.SIGKILL)
        raise


def group_runs(leader):
    """Whether a process of the group is more than an unreaped entry."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if group == str(leader) and state != "Z":
                return True
    return False


def run_document(lab, document, text):
    folder = lab.dir / document.replace("/", "_")
    ports = {name: free_port() for name in (*PORTS.values(), "smtp")}
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    for example in folder.glob("docs/examples/*.toml"):
        example.write_text(with_free_ports(example.read_text(), ports))
    script = sandbox_takes_free_port(with_free_ports(script_of(document, text, ports), ports), ports)
    env = {**lab.env, "PATH": f"{lab.dir}/bin:{lab.env['PATH']}"}
    log = lab.dir / f"{folder.name}.log"
    with log.open("w") as out:
        shell = subprocess.Popen(["bash", "-c", script], cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        shell.wait(timeout=PATIENCE * 4)
    except subprocess.TimeoutExpired:
        pass
    ended = shell.returncode
    end_group(shell.pid)
    what = "the commands do not end" if ended is None else "a documented command failed"
    expect(ended == 0, f"{document}: {what}\n{log.read_text()[-3000:]}")
    return script.count("\necho '--- ")


def check_configurations(lab, document, text):
    found = blocks(text, "toml")
    for line, block in found:
        path = lab.config(block, f"{document.replace('/', '_')}-{line}")
        lab.run("config", "check", "--config", path)
    return len(found)


def check_flags(lab, documents):
    """Flags that running text names, and those of commands that need the internet (```text), are flags of the program."""
    known, todo = set(), [()]
    while todo:
        command = todo.pop()
        page = lab.run(*command, "--help")
        known |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.partition("Options:")[2].partition("examples:")[0]))
        below = page.partition("Subcommands:\n")[2].partition("\n\n")[0]
        todo += [(*command, line.split()[0]) for line in below.splitlines()]
    named = 0
    for name, text in documents:
        spoken = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        flags = [flag for code in re.findall(r"`([^`]+)`", spoken) if code.startswith(("--", "-", "winnow "))
                 for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code)]
        for _, block in blocks(text, "text"):
            flags += [flag for line in block.splitlines() if line.startswith("winnow ")
                      for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)]
        for flag in flags:
            expect(flag in known, f"{name} names {flag}, which no command of winnow has")
        named += len(flags)
    expect(named > 30, f"only {named} flags were found in the documents")


def self_test():
    """A wrong exit code, a wrong command and an unknown listener are noticed."""
    text = "```sh\nfalse\ntrue \\\n  two    # exit 3\nwinnow serve &\n```\n```text\nnot me\n```\n"
    script = script_of("x.md", text, {"http": 1, "dns": 2})
    expect("ended $? 0" in script and "ended $? 3" in script and "ready 1" in script, script)
    expect("not me" not in script and "x.md:3" in script, script)
    for wrong in ("false", "true    # exit 3"):
        done = subprocess.run(["bash", "-c", script_of("x.md", f"```sh\n{wrong}\n```\n", {})], capture_output=True)
        expect(done.returncode == 1, f"not noticed: {wrong}")
    expect(with_free_ports("127.0.0.1:8080 smtp_port = 2526", {n: 7 for n in (*PORTS.values(), "smtp")})
           == "127.0.0.1:7 smtp_port = 7", "ports")


def story(lab: Lab):
    """Every documented command does what the documents say, and every documented configuration is valid."""
    self_test()
    (lab.dir / "bin").mkdir()
    (lab.dir / "bin" / "winnow").symlink_to(lab.winnow)
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    ran = checked = 0
    for path in documents:
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        checked += check_configurations(lab, name, text)
        if blocks(text, "sh"):
            ran += run_document(lab, name, text)
    check_flags(lab, [(path.relative_to(ROOT).as_posix(), path.read_text()) for path in documents])
    for example in sorted((ROOT / "docs" / "examples").glob("*.toml")):
        lab.run("config", "check", "--config", example)
    expect(ran >= 10 and checked >= 2, f"only {ran} commands and {checked} configurations were found")
    print(f"{ran} commands, {checked} configurations")


if __name__ == "__main__":
    main(story)
