"""`winnow verify` without a server, against the sandbox: the user's bytes come back, and the verdicts are the truth."""
import collections
import csv
import gzip
import io
import json
import os
import pty
import select
import subprocess

from harness import ROOT, Lab, expect, main

ADDED = ["winnow_verdict", "winnow_reason", "winnow_p_bounce", "winnow_flags", "winnow_suggestion", "winnow_provider",
         "winnow_suppressed", "winnow_checked_at"]


def records(data):
    """The physical records of a CSV file, with their line ends: a line break inside quotes belongs to its record."""
    out, start, quoted = [], 0, False
    for i, octet in enumerate(data):
        if octet == 0x22:
            quoted = not quoted
        elif octet == 0x0A and not quoted:
            out.append(data[start:i + 1])
            start = i + 1
    return out + [data[start:]] if start < len(data) else out


def stripped(record, columns):
    """A record without the columns that winnow added."""
    body = record.rstrip(b"\r\n")
    end = record[len(body):]
    if not body:
        return record
    for _ in range(columns):
        body = body[:body.rindex(b",")]
    return body + end


def example_list(lab, flags):
    """Every octet of the example list comes back in its place."""
    source = ROOT / "docs" / "examples" / "contacts.csv"
    out = lab.dir / "contacts.csv"
    done = lab.try_run("verify", source, "-o", out, *flags, patience=120)
    expect(done.code == 0, f"verify of the example list: {done}")
    before, after = records(source.read_bytes()), records(out.read_bytes())
    expect(len(before) == len(after), f"{len(before)} records in, {len(after)} out")
    for i, (b, a) in enumerate(zip(before, after)):
        kept = a if not b.strip() else stripped(a, len(ADDED))
        if not b.endswith(b"\n"):  # the last line of a file without a line end may get one
            kept = kept.rstrip(b"\r\n")
        expect(kept == b or a.rstrip(b"\r\n").startswith(b.rstrip(b"\r\n")), f"record {i + 1} changed:\n{b!r}\n{a!r}")
    exact = sum(a.startswith(b.rstrip(b"\r\n")) for b, a in zip(before, after))
    expect(exact == len(before), f"only {exact} of {len(before)} records begin with the user's octets")
    header = next(csv.reader([after[0].decode("utf-8-sig")]))
    expect(header[-len(ADDED):] == ADDED, f"header: {header}")
    return done


def truth(lab, flags):
    """2,000 generated addresses: at least 99 % of the verdicts are what the truth file says."""
    listed, told = lab.dir / "list.csv", lab.dir / "truth.csv"
    lab.run("sandbox", "--make-list", 2000, "--domains", 200, "--greylist-seconds", 3, "-o", listed, "--truth", told)
    expected = {r["address"]: (r["verdict"], r["reason"]) for r in csv.DictReader(told.open(newline=""))}
    expect(len(expected) == 2000, f"{len(expected)} addresses in the truth file")
    done = lab.try_run("verify", listed, "-o", lab.dir / "out.csv", *flags, "--deadline", "30s", patience=120)
    expect(done.code == 0, f"verify: {done.err}")
    rows = list(csv.DictReader((lab.dir / "out.csv").open(newline="")))
    expect([r["email"] for r in rows] == list(expected), "the rows are not in their order")
    confusion = collections.Counter((expected[r["email"]], (r["winnow_verdict"], r["winnow_reason"])) for r in rows)
    same = sum(n for (said, got), n in confusion.items() if said == got)
    for (said, got), n in sorted(confusion.items(), key=lambda entry: -entry[1]):
        print(f"  {n:5d}  {'/'.join(said):34s} {'as told' if said == got else 'got ' + '/'.join(got)}")
    print(f"agreement {same} of {len(rows)} ({100 * same / len(rows):.2f} %)")
    expect(same >= 0.99 * len(rows), f"only {same} of {len(rows)} verdicts are the truth")
    wrong = [(s, g) for s, g in confusion if "undeliverable" in (s[0], g[0]) and "deliverable" in (s[0], g[0])]
    expect(not wrong, f"deliverable and undeliverable were mixed up: {wrong}")


def pipes(lab, flags):
    """Standard input to standard output, as CSV and as NDJSON; a column by its number."""
    text = "id;mail;backup\r\n1;ada@acme.deliverable.test;unknown-1@acme.deliverable.test\r\n2;unknown-2@acme.deliverable.test;bob@acme.deliverable.test\r\n"
    done = lab.try_run("verify", "-", "-o", "-", *flags, "--column", "3", input=text.encode())
    expect(done.code == 0, f"verify -: {done}")
    rows = list(csv.DictReader(io.StringIO(done.out.decode()), delimiter=";"))
    expect([r["winnow_verdict"] for r in rows] == ["undeliverable", "deliverable"], f"column 3: {rows}")
    expect(done.out.count(b"\r\n") == 3 and done.out.startswith(b"id;mail;backup;winnow_verdict;"), f"not the user's dialect: {done.out!r}")
    expect("\r" not in done.err, f"progress on what is no terminal: {done.err!r}")
    done = lab.try_run("verify", "-", *flags, "--column", "mail", "--json", input=text.encode())
    lines = [json.loads(line) for line in done.out.decode().splitlines()]
    verdicts = [(line.get("verdict") or line.get("winnow_verdict")) for line in lines]
    expect(verdicts == ["deliverable", "undeliverable"], f"--json: {done}")
    quiet = lab.try_run("verify", "-", *flags, "-q", input=text.encode())
    expect(quiet.code == 0 and quiet.err == "", f"-q is not quiet: {quiet.err}")


def formats(lab, flags):
    """NDJSON in gzip comes back as NDJSON; what cannot be mailed is told apart; a dry run and a segment."""
    source, out, rejected = lab.dir / "people.ndjson.gz", lab.dir / "people.ndjson", lab.dir / "rejected.csv"
    rows = ['{"id": 1e2, "who": {"email": "ada@acme.deliverable.test"} }', '"unknown-1@acme.deliverable.test"', '{"id": 3}', '{"id"']
    source.write_bytes(gzip.compress("\r\n".join(rows).encode()))
    done = lab.try_run("verify", source, "-o", out, "--rejected", rejected, *flags)
    expect(done.code == 0 and "gzip" in done.err and str(rejected) in done.err, f"verify of NDJSON in gzip: {done}")
    lines = out.read_text().splitlines()
    expect(lines[0].startswith(rows[0][:-1] + ',"winnow_verdict":"deliverable"'), f"not the user's octets: {lines[0]}")
    found = [json.loads(line) for line in lines]
    expect([f["winnow_verdict"] for f in found] == ["deliverable", "undeliverable", None, None], f"NDJSON: {found}")
    expect(found[1]["email"] == "unknown-1@acme.deliverable.test" and found[3]["winnow_raw"] == rows[3], f"NDJSON: {found}")
    faults = list(csv.DictReader(rejected.open(newline="")))
    expect([(f["line"], f["reason"], f["record"]) for f in faults] == [("3", "malformed", rows[2]), ("4", "malformed", rows[3])], f"rejected: {faults}")

    done = lab.try_run("verify", out, *flags, "--verdict", "deliverable,risky", "--reason", "accepted", "--column", "who.email", "-q")
    expect(done.out.count(b"\n") == 1 and json.loads(done.out)["id"] == 100, f"a segment: {done}")
    done = lab.try_run("verify", source, "--dry-run", "--json")
    told = json.loads(done.out)
    expect(told["list"]["rows"] == 4 and told["list"]["addresses"] == 2 and told["list"]["format"] == "ndjson", f"--dry-run: {told}")
    expect([row["line"] for row in told["rows"]] == [1, 2, 3, 4], f"--dry-run: {told}")
    text = lab.try_run("verify", source, "--dry-run").out.decode()
    expect("nothing was stored" in text and "NDJSON, US-ASCII, gzip" in text, f"--dry-run: {text}")
    expect(max(map(len, text.splitlines())) <= 80, f"--dry-run is wider than a terminal:\n{text}")


def terminal(lab, flags):
    """Progress is drawn when standard error is a terminal."""
    path = lab.dir / "short.csv"
    path.write_text("email\n" + "".join(f"ada.n{i}@d{i}.greylist-2s.test\n" for i in range(3)))
    ours, theirs = pty.openpty()
    process = subprocess.Popen([lab.winnow, "verify", path, "-o", lab.dir / "short-out.csv", *flags], stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    seen = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        try:
            piece = os.read(ours, 4096) if ready else b""
        except OSError:  # the terminal's other end is closed
            piece = b""
        if not piece:
            break
        seen += piece
    os.close(ours)
    expect(process.wait(timeout=60) == 0, f"verify on a terminal: {seen!r}")
    expect(b"\rverifying" in seen and b" of 3 addresses" in seen, f"no progress on a terminal: {seen!r}")


def story(lab: Lab):
    """A list comes back octet for octet with verdicts that agree with the sandbox's truth."""
    lab.sandbox()
    flags = lab.sandbox_flags()
    pipes(lab, flags)
    formats(lab, flags)
    terminal(lab, flags)
    truth(lab, flags)
    example_list(lab, flags)


if __name__ == "__main__":
    main(story)
