"""The README's first command: the demo runs the whole loop once and says what happened."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from harness import Failed, Lab, expect, main, wait_for


def story(lab: Lab):
    """`winnow demo --once` verifies the example list, mails the clean recipients, takes the bounces back and exits with 0."""
    out = lab.run("demo", "--once")
    counts = dict(re.findall(r"^  ([a-z_]+) +([\d,]+)", out, re.M))
    number = lambda word: int(counts.get(word, "0").replace(",", ""))
    for verdict in ("deliverable", "undeliverable", "risky", "unknown"):
        expect(number(verdict) > 0, f"no {verdict} rows:\n{out}")
    expect(number("delivered") > 500, f"too few delivered:\n{out}")
    expect(number("queued") >= number("delivered"), f"more delivered than the gate let in:\n{out}")
    expect(number("suppressed") > 0 and "bounce" in out and "complaint" in out, f"nothing came back:\n{out}")
    expect(number("reports") == number("suppressed"), f"reports and suppressions differ:\n{out}")
    for line in out.splitlines():
        expect(len(line) <= 80 or "/contacts.csv" in line, f"a line of {len(line)} columns: {line}")
    own_lists(lab)
    interrupted(lab)


def own_lists(lab):
    """A list without names, with or without a header, has its demo too; what is no list is told in one sentence."""
    people = [f"ada.n{i}@acme.deliverable.test" for i in range(3)]
    for name, lines in (("my.csv", ["email", *people]), ("my.txt", people)):
        path = lab.dir / name
        path.write_text("\n".join(lines) + "\n")
        out = lab.run("demo", "--once", "--contacts", path)
        expect(re.search(r"^  delivered +3$", out, re.M), f"{name}: not delivered:\n{out}")
    for name, content, word in (("empty.csv", "", "empty"), ("blank.csv", "\n\n", "empty"), ("none.csv", "id,name\n1,Ada\n", "e-mail")):
        path = lab.dir / name
        path.write_text(content)
        done = lab.try_run("demo", "--once", "--contacts", path)
        expect(done.code == 2, f"{name}: {done}")
        lines = done.err.splitlines()
        expect(len(lines) == 1 and lines[0].startswith("winnow: ") and name in lines[0], f"{name}: no sentence: {done.err}")
        expect(word in lines[0] and "{" not in lines[0], f"{name}: {done.err}")


def interrupted(lab):
    """A signal ends the demo at once in any phase: in the middle of the verification, and of the sending."""
    contacts = lab.dir / "contacts.csv"
    contacts.write_text("email,first_name,last_name\n" + "".join(f"ada.n{i}@d{i % 40}.deliverable.test,Ada,N\n" for i in range(1_000)))
    phases = {"opening": b"gateway", "verifying": b"verifying", "sending": b"sending "}
    for phase, how in (("opening", signal.SIGINT), ("verifying", signal.SIGINT), ("verifying", signal.SIGTERM),
                       ("sending", signal.SIGTERM), ("sending", signal.SIGINT)):
        with tempfile.TemporaryDirectory(dir=lab.dir) as scratch:
            # On a terminal, progress says which phase it is.
            process, read = on_terminal([lab.winnow, "demo", "--rtt", "50", "--contacts", contacts], {**lab.env, "TMPDIR": scratch})
            try:
                wait_for(f"the phase {phase}", lambda: phases[phase] in read())
                if phase != "opening":
                    time.sleep(0.3)  # into it; any moment will do
                sent = time.monotonic()
                process.send_signal(how)
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise Failed(f"{phase}: {how.name} does not end the demo")
                took = time.monotonic() - sent
                text = read()
            finally:
                process.kill()
                process.wait()
            expect(process.returncode == 128 + how, f"{phase}: exit code {process.returncode} after {how.name}\n{text.decode()}")
            expect(took < 5, f"{phase}: {how.name} took {took:.1f} s")
            for word in (b"terminate", b"internal error", b"coroutine", b'"level"'):
                expect(word not in text, f"{phase}: {word} after {how.name}\n{text.decode()}")
            expect(b"interrupted" in text, f"{phase}: {how.name} is not told\n{text.decode()}")
            left = [str(p) for p in pathlib.Path(scratch).iterdir()]
            expect(not left, f"{phase}: {how.name} left {left}")


def on_terminal(argv, env):
    """Starts a program on a pseudo terminal; gives it and a function that reads all that it said so far."""
    leader, follower = os.openpty()
    os.set_blocking(leader, False)
    process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
    os.close(follower)
    said = bytearray()

    def read():
        try:
            while piece := os.read(leader, 65536):
                said.extend(piece)
        except OSError:
            pass  # nothing more for now, or the program is gone
        return bytes(said)

    return process, read


if __name__ == "__main__":
    main(story)
