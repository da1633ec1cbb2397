"""What people do wrong, and what machines refuse: a table of commands, exit codes and the words that help."""
import gzip
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import zlib

from harness import ROOT, Failed, Lab, expect, free_port, main, skip, wait_for

HEADER = b"id,email\n"
GOOD = HEADER + b"1,ada@acme.deliverable.test\n2,unknown-1@acme.deliverable.test\n"
CRASH = ("terminate called", "what():", "Segmentation", "Aborted", "core dumped", "Traceback", "internal error", "coroutine")
OLD = b"what was here before\n"


def sentence(err):
    """The one line for a person on standard error; log lines are NDJSON and do not count, nor does the word that this is a lab."""
    lines = [line for line in err.splitlines() if line and not line.startswith(("{", "winnow: lab settings"))]
    expect(len(lines) == 1, f"expected one sentence, got {len(lines)}:\n{err}")
    expect(lines[0].startswith("winnow: ") and len(lines[0]) < 600, f"not a sentence of winnow: {lines[0]!r}")
    return lines[0]


def no_leftovers(folder):
    left = [str(p) for p in pathlib.Path(folder).rglob("*.partial-*")]
    expect(not left, f"partial files are left: {left}")


class Table:
    def __init__(self, lab: Lab):
        self.lab = lab
        self.cases = 0
        self.out = lab.dir / "out.csv"

    def file(self, name, content):
        path = self.lab.dir / name
        path.write_bytes(content)
        return path

    def fails(self, what, code, words, *args, **kwargs):
        """`args` must end with `code` and one sentence that holds all `words`; the output file stays as it was."""
        self.cases += 1
        self.out.write_bytes(OLD)
        done = self.lab.try_run(*args, **kwargs)
        expect(done.code == code, f"{what}: exit code {done.code}, not {code}\n{done.err}")
        expect(not any(word in done.err for word in CRASH), f"{what}: crashed\n{done.err}")
        said = sentence(done.err)
        for word in words:
            expect(word in said, f"{what}: {word!r} is not in: {said}")
        expect(self.out.read_bytes() == OLD, f"{what}: the output file was touched")
        no_leftovers(self.lab.dir)
        return said

    def verifies(self, what, content, *args, notes=(), rows=2):
        """A list that is odd but good: exit 0, the notes told, so many rows come back."""
        self.cases += 1
        done = self.lab.try_run("verify", self.file("odd.csv", content), "-o", self.out, *self.lab.sandbox_flags(), *args)
        expect(done.code == 0, f"{what}: exit code {done.code}\n{done.err}")
        for note in notes:
            expect(note in done.err, f"{what}: {note!r} is not told:\n{done.err}")
        got = self.out.read_bytes()
        lines = got.count(b"\n")
        expect(lines == rows + 1, f"{what}: {lines} lines, not {rows} rows and a header:\n{got[:2000]!r}")
        no_leftovers(self.lab.dir)
        return got


def lists(t: Table):
    flags = t.lab.sandbox_flags()
    good = t.file("good.csv", GOOD)

    def verify(what, code, words, content, *args):
        t.fails(what, code, words, "verify", t.file("bad.csv", content), "-o", t.out, *flags, *args)

    verify("a binary file", 2, ["bad.csv", "not a text file", "CSV"], os.urandom(3000) + b"\0" * 100)
    verify("no e-mail column", 2, ["bad.csv", "id, name", "--column"], b"id,name\n1,Ada\n2,Bob\n")
    verify("a column that is not there", 2, ['"mail"', "id, email", "--column"], GOOD, "--column", "mail")
    verify("a column number that is not there", 2, ['"9"', "id, email", "--column"], GOOD, "--column", "9")
    verify("an empty file", 2, ["bad.csv", "empty"], b"")
    verify("blank lines only", 2, ["bad.csv", "empty"], b"\n\r\n  \n")
    verify("a header only", 2, ["bad.csv", "no rows"], b"id,email\n")
    verify("an Excel workbook", 2, ["bad.csv", "Excel", "CSV"], b"PK\3\4" + bytes(100))
    verify("a JSON array", 2, ["bad.csv", "JSON array", "jq"], b'[{"email": "ada@acme.deliverable.test"}]\n')
    verify("two columns of one name", 2, ["bad.csv", "1 and 2", "NUMBER"], b"email,email\na@x.test,b@x.test\n", "--column", "email")
    verify("an unknown segment", 2, ["--verdict", "riski", '"risky"'], GOOD, "--verdict", "riski")
    verify("a deadline without unit", 2, ["15"], GOOD, "--deadline", "15")
    t.fails("a missing file", 1, ["nowhere.csv", "No such file"], "verify", t.lab.dir / "nowhere.csv", "-o", t.out, *flags)
    t.fails("a folder as list", 2, ["folder"], "verify", t.lab.dir, "-o", t.out, *flags)
    t.fails("a folder as output", 2, ["folder"], "verify", good, "-o", t.lab.dir, *flags)
    t.fails("an output folder that is not there", 1, ["no/out.csv", "No such file"], "verify", good, "-o", t.lab.dir / "no" / "out.csv", *flags)
    t.fails("a file as a folder", 1, ["Not a directory"], "verify", good, "-o", good / "out.csv", *flags)
    t.fails("a wrong --dns", 2, ["--dns", "HOST:PORT"], "verify", good, "-o", t.out, "--dns", "dns.example.com")

    got = t.verifies("UTF-16", GOOD.decode().encode("utf-16"), notes=["UTF-16LE", "UTF-8"])
    expect(b"unknown-1@acme.deliverable.test,undeliverable,mailbox_not_found" in got, f"UTF-16: {got!r}")
    latin = HEADER[:-1] + b",name\n1,ada@acme.deliverable.test,Andr\xe9\n2,unknown-1@acme.deliverable.test,Z\xfcrich\n"
    got = t.verifies("Latin-1", latin, notes=["windows-1252", "octets"])
    expect(b"Andr\xe9," in got and b"Z\xfcrich," in got, f"Latin-1: octets were changed: {got!r}")
    got = t.verifies("no line end at the end of the file", GOOD[:-1])
    got = t.verifies("addresses without a header", b"ada@acme.deliverable.test\nbob@acme.deliverable.test\n", rows=1)


def long_line(t: Table):
    """A line of 10 MB is refused with its number, costs no memory and leaves no list that looks whole."""
    def peak(content, code):
        path = t.file("long.csv", content)
        process = subprocess.Popen([t.lab.winnow, "verify", path, "-o", t.out, *t.lab.sandbox_flags()], stderr=subprocess.PIPE)
        err = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        expect(process.returncode == code, f"10 MB line: exit code {process.returncode}, not {code}\n{err}")
        return usage.ru_maxrss / 1024

    t.cases += 1
    usual = peak(GOOD + b"3,bob@acme.deliverable.test\n", 0)
    content = GOOD + b'3,"' + b"x" * 10_000_000 + b'"\n4,bob@acme.deliverable.test\n'
    long = peak(content, 2)
    expect(long < usual + 64, f"a 10 MB line takes {long:.0f} MB, a short list {usual:.0f} MB")
    flags = t.lab.sandbox_flags()
    path = t.file("long.csv", content)
    for quiet in ([], ["-q"]):
        t.fails("a line of 10 MB", 2, ["long.csv", "line 4", "1 MiB", "shorten"], "verify", path, "-o", t.out, *flags, *quiet)
    t.out.unlink()
    done = t.lab.try_run("verify", path, "-o", t.out, *flags)
    expect(done.code == 2 and not t.out.exists(), f"a line of 10 MB left an output file: {done}")

    packer = zlib.compressobj(wbits=31)  # in pieces: a child begins with the size of its parent
    thousand = b"1,ada@acme.deliverable.test\n" * 1_000
    bomb = packer.compress(HEADER) + b"".join(packer.compress(thousand) for _ in range(4_000)) + packer.flush()
    t.cases += 1
    large = peak(bomb, 1)
    expect(large < usual + 64, f"a gzip bomb of {len(bomb)} octets takes {large:.0f} MB, a short list {usual:.0f} MB")
    t.fails("a gzip bomb", 1, ["bomb.csv.gz", "200 times"], "verify", t.file("bomb.csv.gz", bomb), "-o", t.out, *flags)
    t.fails("a gzip file cut off", 2, ["cut.csv.gz", "cut off"], "verify", t.file("cut.csv.gz", gzip.compress(GOOD)[:-5]), "-o", t.out, *flags)


def devices(t: Table):
    """What is no file is written in place: never replaced, and a full one is an error."""
    flags = t.lab.sandbox_flags()
    good = t.file("good.csv", GOOD)
    fifo = t.lab.dir / "pipe"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    done = t.lab.try_run("verify", good, "-o", fifo, *flags)
    text = reader.communicate(timeout=30)[0]
    expect(done.code == 0 and text.count(b"\n") == 3, f"a pipe as output: {done} {text!r}")
    expect(fifo.is_fifo(), "the pipe was replaced by a file")
    link, target = t.lab.dir / "link.csv", t.lab.dir / "target.csv"
    target.write_bytes(OLD)
    link.symlink_to(target)
    expect(t.lab.try_run("verify", good, "-o", link, *flags).code == 0, "a link as output")
    expect(link.is_symlink() and target.read_bytes().startswith(b"id,email,winnow_verdict"), "the link was replaced, or its target kept")
    t.cases += 2
    full = pathlib.Path("/dev/full")
    if not full.is_char_device():
        return skip("there is no /dev/full")
    # A copy of the device where that is allowed: a program with a fault must not be able to break the machine's own.
    own = t.lab.dir / "full"
    if os.geteuid() == 0 and subprocess.run(["mknod", own, "c", "1", "7"]).returncode == 0:
        t.fails("a full disk (device)", 69, ["No space left", "full"], "verify", good, "-o", own, *flags)
        expect(own.is_char_device(), "the device was replaced by a file")
    with open("/dev/full", "wb") as stdout:
        t.fails("a full disk (standard output)", 69, ["No space left"], "verify", good, "-o", "-", "-q", *flags, stdout=stdout)


def small_disk(t: Table):
    """A file-size limit and, where mounting is allowed, a full file system."""
    flags = t.lab.sandbox_flags()
    many = t.file("many.csv", HEADER + b"".join(b"%d,ada.n%d@acme.nullmx.test\n" % (i, i) for i in range(3_000)))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    t.fails("a file-size limit", 1, ["cannot write", "File too large"], "verify", many, "-o", t.out, *flags, preexec_fn=limit)
    mount = t.lab.dir / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", mount], capture_output=True).returncode != 0:
        return skip("mounting a small tmpfs is not permitted")
    try:
        t.fails("a full disk", 69, ["No space left", "free some space"], "verify", many, "-o", mount / "out.csv", *flags)
        expect(not list(mount.iterdir()), f"left on the full disk: {list(mount.iterdir())}")
        config = t.lab.config(serve_config(t.lab, data=mount / "data"), "small")
        t.fails("a data directory on a full disk", 69, [str(mount), "o space left"], "serve", "--config", config)
    finally:
        subprocess.run(["umount", mount])


def permissions(t: Table):
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            return skip("permissions do not bind root and there is no setpriv")
        nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        if subprocess.run([*nobody, "test", "-x", t.lab.winnow]).returncode != 0:
            return skip("nobody may not run the program where it lies")
    else:
        nobody = []
    flags = t.lab.sandbox_flags()
    good, secret, closed = t.file("good.csv", GOOD), t.file("secret.csv", GOOD), t.lab.dir / "closed"
    secret.chmod(0)
    closed.mkdir()
    closed.chmod(0o500 if nobody == [] else 0o700)
    t.fails("an unreadable list", 77, ["secret.csv", "Permission denied"], "verify", secret, "-o", "-", *flags, prefix=nobody)
    t.fails("an output folder that may not be written", 77, ["closed/out.csv", "Permission denied"], "verify", good, "-o",
            closed / "out.csv", *flags, prefix=nobody)
    open_dir = t.lab.dir / "open"
    open_dir.mkdir()
    open_dir.chmod(0o777)
    config = t.lab.config(serve_config(t.lab, data=closed / "data", key=open_dir / "key"), "closed")
    t.fails("a data directory that may not be made", 77, [str(closed), "data_dir"], "serve", "--config", config, prefix=nobody)
    key = t.file("secret.key", b"index = 00\n")
    key.chmod(0)
    config = t.lab.config(serve_config(t.lab, data=open_dir / "data", key=key), "secret-key")
    t.fails("a key file that may not be read", 77, [str(key), "Permission denied"], "serve", "--config", config, prefix=nobody)


def serve_config(lab, data=None, key=None, http=None, extra=""):
    return f"""
data_dir = "{data or lab.dir / 'data'}"
key_file = "{key or lab.dir / 'winnow.key'}"
http.listen = "127.0.0.1:{http or free_port()}"
http.keys_file = "{lab.dir}/keys"
submission.listen = ""
relay.hostname = "gateway.test"
{extra}
"""


def configuration(t: Table):
    lab = t.lab

    def serve(what, code, words, text):
        return t.fails(what, code, words, "serve", "--config", lab.config(text, "bad"))

    serve("an unknown setting", 78, ["bad.toml:1:1", "data_dirr", "data_dir'"], 'data_dirr = "/x"\n')
    serve("an unknown setting in a section", 78, ["bad.toml:2:1", "relay.hostnam", "relay.hostname"], '[relay]\nhostnam = "a.test"\n')
    serve("a section written as a list of tables", 78, ["bad.toml:1:3", "[http], not [[http]]"], '[[http]]\nlisten = "127.0.0.1:80"\n')
    serve("a value out of range", 78, ["bad.toml:2:1", "max_connections = 0", "1 to 10000"], "[verifier.manners]\nmax_connections = 0\n")
    serve("a duration without unit", 78, ["bad.toml:1:1", "drain_timeout"], "drain_timeout = 30\n")
    serve("a file that is no TOML", 78, ["bad.toml:1"], "this is no TOML\n")
    serve("no host name", 78, ["relay.hostname", "mail.example.com"], f'data_dir = "{lab.dir}/x"\n')
    serve("a share_dir that is not there", 78, ["share_dir", "/nope"], serve_config(lab, extra='share_dir = "/nope"'))
    serve("rows that are not there", 78, ["replies_extra", "/nope.tsv"], serve_config(lab, extra='replies_extra = "/nope.tsv"'))
    serve("a certificate without its key", 78, ["http.cert_file", "http.tls_key_file"], 'http.cert_file = "/x.pem"\n')
    serve("a certificate that is not there", 78, ["cert.pem"],
          serve_config(lab, extra=f'http.cert_file = "{lab.dir}/cert.pem"\nhttp.tls_key_file = "{lab.dir}/key.pem"'))
    t.fails("a configuration that is not there", 78, ["no.toml", "cannot be read"], "serve", "--config", lab.dir / "no.toml")
    t.fails("a bad environment", 78, ["WINNOW_NET__SMTP_PORT", "net.smtp_port"], "serve", "--config",
            lab.config(serve_config(lab), "env"), env={"WINNOW_NET__SMTP_PORT": "many"})
    expect(not (lab.dir / "data").exists(), "a server that did not start made its data directory")


def config_check(t: Table):
    """What `config check` calls valid, `serve` takes; what it still needs is told."""
    lab = t.lab
    defaults = lab.config(lab.run("config", "--defaults"), "defaults")
    whole = lab.config(serve_config(lab), "whole")
    for args, code, words in (((), 0, ["valid", "relay.hostname"]), (("--config", defaults), 0, ["valid", "relay.hostname"]),
                              (("--config", whole), 0, ["valid"]),
                              (("--config", lab.config('share_dir = "/nope"\n', "share")), 78, ["share_dir", "/nope"]),
                              (("--config", lab.config('http.cert_file = "/nope.pem"\nhttp.tls_key_file = "/nope.key"\n', "cert")), 78,
                               ["/nope.pem"]),
                              (("--config", lab.config('replies_extra = "/nope.tsv"\n', "extra")), 78, ["replies_extra", "/nope.tsv"])):
        t.cases += 1
        done = lab.try_run("config", "check", *args)
        expect(done.code == code and all(word in done.err for word in words), f"config check {args}: {done}")
        told = json.loads(lab.run("config", "check", "--json", *args, code=code))
        expect(told["valid"] == (code == 0) and bool(told["faults"]) == (code != 0), f"config check --json {args}: {told}")
    done = lab.try_run("config", "check", "--config", whole)
    expect("needs" not in done.err, f"nothing is missing: {done}")
    shown = json.loads(lab.run("config", "show", "--json", "--config", whole))
    hostname = shown["relay.hostname"]
    expect(hostname["value"] == "gateway.test" and hostname["source"].startswith(f"{whole}:7:"), f"config show --json: {hostname}")
    expect("bounce.listen" not in shown, f"config show --json gives defaults: {shown}")
    shown = json.loads(lab.run("config", "show", "--json", "--effective"))
    expect(shown["net.smtp_port"] == {"value": 25, "source": "default"}, f"{shown}")


def overviews(t: Table):
    """A command that is named without what it should do tells what there is."""
    for args, words in (([], ["verify", "campaign", "winnow demo", "--help"]), (["list"], ["upload", "winnow list status"]),
                        (["config"], ["check", "winnow config --defaults"])):
        t.cases += 1
        done = t.lab.try_run(*args)
        expect(done.code == 2 and not done.out, f"winnow {args}: {done}")
        for word in words:
            expect(word in done.err, f"winnow {args}: {word!r} is not told:\n{done.err}")
        narrow(f"winnow {args}", done.err)


def narrow(what, text):
    for line in text.splitlines():
        expect(len(line) <= 80, f"{what}: a line of {len(line)} columns: {line}")


def helps(t: Table):
    """Every page of help is at most 80 columns wide and has examples of its own; the exit codes are those of docs/cli.md."""
    pages, todo = {}, [()]
    while todo:
        command = todo.pop()
        page = pages[command] = t.lab.run(*command, "--help")
        narrow(f"winnow {' '.join(command)} --help", page)
        expect(t.lab.winnow not in page, f"{command}: the program's path is in its help:\n{page}")
        below = page.partition("Subcommands:\n")[2].partition("\n\n")[0]
        todo += [(*command, line.split()[0]) for line in below.splitlines()]
    expect(len(pages) > 20, f"only {len(pages)} pages of help were found")
    for command, page in pages.items():
        shown = page.partition("examples:\n")[2]
        expect(f"winnow {' '.join(command)}".strip() in shown, f"{command}: no example of its own:\n{page}")
    table = (ROOT / "docs" / "cli.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| (\d+) \|", table, re.M))
    told = set(re.findall(r"\b\d+\b", pages[()].partition("exit codes:")[2]))
    expect(documented == told and documented, f"docs/cli.md has exit codes {sorted(documented)}, --help {sorted(told)}")


def usage(t: Table):
    good = t.file("good.csv", GOOD)
    t.fails("--fast without --allow-private", 2, ["--fast", "--allow-private"], "verify", good, "-o", t.out, "--fast")
    t.fails("an unknown command", 2, ["verfy", "verify", "--help"], "verfy", good)
    t.fails("an unknown command below one", 2, ["uplaod", "upload", "winnow list --help"], "list", "uplaod", good)
    overviews(t)
    helps(t)
    t.fails("no file", 2, ["FILE", "winnow verify --help"], "verify")
    t.fails("an unknown option", 2, ["--colum", "winnow verify --help"], "verify", good, "--colum", "2")
    t.fails("a port that is none", 2, ["--smtp-port"], "verify", good, "-o", t.out, "--smtp-port", "70000")
    t.fails("no address", 2, ["no address"], "check")
    t.fails("no address to look at", 2, ["no address"], "address", input=b"\n  \n")
    offline(t)


def offline(t: Table):
    """Addresses are read alike from arguments and from standard input; --json is for programs."""
    t.cases += 1
    lab = t.lab
    usable = "ada@example.com: usable, written ada@example.com\n"
    expect(lab.run("address", " ada@example.com\t") == usable, "white space around an argument")
    expect(lab.run("address", input=" ada@example.com \r\n\nAda <ada@example.com>\n") == usable * 2, "addresses from standard input")
    objects = [json.loads(line) for line in lab.run("address", "--json", "ada@example.com", "a b", code=1).splitlines()]
    expect([(o["id"], o["usable"]) for o in objects] == [("ada@example.com", True), ("a b", False)], f"address --json: {objects}")
    told = lab.run("address", "ada@-example.com", code=1)
    expect("domain_syntax" not in told and "hyphen" in told, f"a raw word: {told}")
    for given in (" ada@acme.deliverable.test ", "Ada <ada@acme.deliverable.test>"):
        out = lab.run("check", given, *lab.sandbox_flags())
        expect(out.startswith("ada@acme.deliverable.test: deliverable"), f"check {given!r}: {out}")


def clients(t: Table, config, server, process):
    """What commands against a server say when it is not there, does not know the key, or not the thing that is meant."""
    lab = t.lab
    key = lab.run("key", "create", "--name", "late", "--config", config).strip()
    late = {"WINNOW_API_KEY": key, "WINNOW_SERVER": server}
    text = t.file("text.txt", b"hello\n")
    t.fails("no key", 2, ["WINNOW_API_KEY", "--api-key-file"], "queue", "summary", "--server", server, env={"WINNOW_API_KEY": ""})
    t.fails("a key younger than the server", 77, ["key", "SIGHUP"], "queue", "summary", env=late)
    process.send_signal(signal.SIGHUP)
    wait_for("the new key to count", lambda: lab.try_run("queue", "summary", env=late).code == 0)
    t.cases += 1
    keys = lab.dir / "keys"
    good = keys.read_bytes()
    keys.write_bytes(b"this is no key\n")
    process.send_signal(signal.SIGHUP)
    wait_for("the broken key file to be told", lambda: "keys.reload_failed" in lab.log(process.name))
    expect(lab.try_run("queue", "summary", env=late).code == 0, "a broken key file took the keys away")
    keys.unlink()
    process.send_signal(signal.SIGHUP)
    wait_for("the lost key file to be told", lambda: lab.log(process.name).count("keys.reload_failed") == 2)
    expect(lab.try_run("queue", "summary", env=late).code == 0, "a lost key file took the keys away")
    keys.write_bytes(good)
    keys.chmod(0o600)
    # Whatever the keys were like, the tables are read anew at the same signals.
    wait_for("the tables to be read anew", lambda: lab.log(process.name).count('"tables.reloaded"') == 3)
    t.cases += 1
    nowhere = f"http://127.0.0.1:{free_port()}"
    said = t.fails("no server", 69, [nowhere, "refused", "winnow serve"], "queue", "summary", env={**late, "WINNOW_SERVER": nowhere})
    expect("connect to" not in said, f"no server: {said}")
    submission = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=greets, args=(submission,), daemon=True).start()
    at = f"http://127.0.0.1:{submission.getsockname()[1]}"
    t.fails("a server of another kind", 69, ["no winnow answers", at], "queue", "summary", env={**late, "WINNOW_SERVER": at})
    submission.close()
    t.fails("a campaign without a body", 2, ["--text", "--html"], "campaign", "create", "nope", "--from", "a@b.test", "--subject", "x",
            env=late)
    t.fails("a list that is not there", 1, ["list", '"nope"', server], "list", "status", "nope", env=late)
    t.fails("the rows of a list that is not there", 1, ["list", '"nope"'], "list", "export", "nope", "-o", t.out, env=late)
    t.fails("a campaign that is not there", 1, ["campaign", '"nope"'], "campaign", "status", "nope", env=late)
    t.fails("a campaign to a list that is not there", 1, ["list", '"nope"'], "campaign", "create", "nope", "--from", "a@b.test",
            "--subject", "x", "--text", text, env=late)
    t.fails("a day that no calendar has", 2, ["--collected-at", "2024-13-01", "2026-01-31"], "list", "upload", text, "--collected-at",
            "2024-13-01", env=late)
    said = t.fails("no address", 2, ['"notanaddress"', "no @"], "suppression", "add", "a@b.test", "notanaddress", env=late)
    expect("/" not in said, f"a JSON pointer: {said}")
    t.cases += 1
    done = lab.try_run("suppression", "check", "a@b.test", env=late)
    expect(done.code == 0, f"of two addresses one was wrong, the other one was added: {done}")
    lab.try_run("suppression", "add", "a@b.test", env=late)
    said = json.loads(lab.run("suppression", "add", "a@b.test", "--json", env=late))
    expect(said["address"] == "a@b.test" and said["added"], f"add --json: {said}")
    expect(lab.try_run("suppression", "check", "a@b.test", env=late).code == 3, "an added address is not suppressed")
    done = lab.try_run("suppression", "remove", "a@b.test", env=late)
    expect(done.code == 0 and "a@b.test" in done.err and "removed" in done.err, f"remove says nothing: {done}")
    lab.run("suppression", "add", "c@b.test", "--reason", "unsubscribe", "--note", "by phone", env=late)
    t.fails("a person's own word, and nobody to ask", 2, ["c@b.test", "unsubscribe", "by phone", "--yes"],
            "suppression", "remove", "a@b.test", "c@b.test", env=late)
    lab.run("suppression", "remove", "c@b.test", "--yes", env=late)
    t.fails("a removal of nothing", 1, ["a@b.test", "not suppressed"], "suppression", "remove", "a@b.test", env=late)
    t.fails("a data directory without configuration", 1, ["key file", "--config"], "check", "a@b.test", "--data-dir", lab.dir / "data")


def greets(server):
    """A mail server, as far as its first words."""
    with server.accept()[0] as client:
        client.sendall(b"220 mail.test ESMTP\r\n")
        client.recv(1000)


def stalls(server):
    """Begins an answer that never ends, to one client after the other."""
    held = []
    while True:
        held.append(server.accept()[0])
        held[-1].recv(10_000)
        held[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nemail\n\r\n")


def interrupted_clients(t: Table):
    """Ctrl-C ends a command against a server: what goes on there is told, no half file stays here."""
    lab = t.lab
    config = lab.gateway_config(name="interrupted", extra="")
    lab.api_key(config)
    lab.serve(config, lab.http_at, "interrupted")
    slow = t.file("slow.csv", HEADER + b"".join(b"%d,ada@d%d.slow.test\n" % (i, i) for i in range(20)))

    def ends(what, how, words, ready, *args, env=None):
        t.cases += 1
        process = subprocess.Popen([lab.winnow, *map(str, args)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                   env={**lab.env, **(env or {})})
        try:
            before = ready(process)
            process.send_signal(how)
            err = before + process.communicate(timeout=30)[1]
        finally:
            process.kill()
            process.wait()
        expect(process.returncode == 128 + how, f"{what}: exit code {process.returncode}\n{err}")
        for word in words(err):
            expect(word in err, f"{what}: {word!r} is not told:\n{err}")
        no_leftovers(lab.dir)
        return err

    def list_id(err):
        return re.search(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", err).group()

    for how in (signal.SIGINT, signal.SIGTERM):
        err = ends("list upload --wait", how, lambda err: [f"the verification goes on: winnow list status {list_id(err)}"],
                   lambda process: process.stderr.readline(), "list", "upload", slow, "--wait")
        told = json.loads(lab.run("list", "status", list_id(err), "--json"))
        expect(told["job"]["state"] in ("running", "waiting"), f"the verification does not go on: {told}")

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=stalls, args=(server,), daemon=True).start()
    env = {"WINNOW_SERVER": f"http://127.0.0.1:{server.getsockname()[1]}"}

    def half_written(_):
        wait_for("a partial file", lambda: any(p.stat().st_size for p in lab.dir.glob("out.csv.partial-*")))
        return ""

    for args in (["list", "export", "ID"], ["suppression", "export"]):
        t.out.write_bytes(OLD)
        ends(" ".join(args), signal.SIGINT, lambda _: ["nothing was written"], half_written, *args, "-o", t.out, env=env)
        expect(t.out.read_bytes() == OLD, f"{args}: the output file was touched")


def quiet(t: Table):
    """-q prints the id of what was made or changed; lists and campaigns are named afterwards."""
    t.cases += 1
    lab = t.lab
    some = t.file("some.csv", b"email\nada@acme.deliverable.test\n")
    html = t.file("body.html", b"<p>hello</p>\n")
    made = lab.run("list", "upload", some, "--name", "some", "--no-verify", "-q").strip()
    expect(made in lab.run("list", "list", "-q").split(), "the new list is not among the lists")
    rows = lab.run("list", "list")
    expect(re.search(rf"^{made}  \d{{4}}-\d\d-\d\d +1  some$", rows, re.M), f"list list: {rows}")
    campaign = lab.run("campaign", "create", made, "--from", "a@gateway.sandbox.test", "--subject", "x", "--html", html, "-q").strip()
    expect(lab.run("campaign", "cancel", campaign, "-q").strip() == campaign, "campaign cancel -q")
    states = {c["id"]: c["state"] for c in map(json.loads, lab.run("campaign", "list", "--json").splitlines())}
    expect(states == {campaign: "cancelled"}, f"campaign list: {states}")
    t.fails("a campaign that is not there", 1, ["campaign", '"nope"'], "campaign", "cancel", "nope")


def malformed_http(t: Table, at):
    """What is no request is refused in the words of the API, too."""
    post = b"POST /api/v1/lists HTTP/1.1\r\nHost: h\r\n"
    for status, request in [(400, b"GET /api/v1/lists%zz%00 HTTP/1.1\r\nHost: h\r\n\r\n"), (400, b"no request\r\n\r\n"),
                            (505, b"GET / HTTP/3.0\r\nHost: h\r\n\r\n"), (413, post + b"Content-Length: 9999999999999\r\n\r\n"),
                            (417, post + b"Expect: miracles\r\n\r\n"), (431, post + b"X: " + b"x" * 40000 + b"\r\n\r\n")]:
        t.cases += 1
        with socket.create_connection(at, timeout=10) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            head, _, body = b"".join(iter(lambda: client.recv(65536), b"")).decode().partition("\r\n\r\n")
        expect(head.startswith(f"HTTP/1.1 {status} ") and "\r\nContent-Type: application/problem+json\r\n" in head, f"{request[:60]}: {head}")
        expect(json.loads(body)["status"] == status, f"{request[:60]}: {body}")


def servers(t: Table):
    lab = t.lab
    http = free_port()
    config = lab.config(serve_config(lab, http=http), "first")
    first = lab.serve(config, ("127.0.0.1", http))
    t.fails("a second server on the same data", 69, [str(lab.dir / "data"), "in use", str(first.pid)], "serve", "--config",
            lab.config(serve_config(lab), "second"))
    t.fails("a port that is taken", 69, [f"127.0.0.1:{http}", "http.listen", "taken", "another port"], "serve", "--config",
            lab.config(serve_config(lab, data=lab.dir / "other", key=lab.dir / "other.key", http=http), "third"))
    t.fails("an address of another machine", 1, ["http.listen", "192.0.2.1"], "serve", "--config",
            lab.config(serve_config(lab).replace("127.0.0.1:", "192.0.2.1:"), "far"))
    clients(t, config, f"http://127.0.0.1:{http}", first)
    malformed_http(t, ("127.0.0.1", http))
    expect(lab.stop(first) == 0, "the first server did not end with 0")

    t.fails("the key file is lost", 1, ["winnow.key.lost", "restore"], "serve", "--config",
            lab.config(serve_config(lab, key=lab.dir / "winnow.key.lost"), "lost"))
    expect(not (lab.dir / "winnow.key.lost").exists(), "a new key file was made for an old store")
    t.fails("the key file of another installation", 1, ["key", "installation"], "serve", "--config",
            lab.config(serve_config(lab, key=t.file("foreign.key", foreign_key())), "foreign"))
    t.fails("a damaged key file", 78, ["damaged.key", "line 1"], "serve", "--config",
            lab.config(serve_config(lab, key=t.file("damaged.key", b"index = 00\n")), "damaged"))
    http = free_port()
    config = lab.config(serve_config(lab, data=lab.dir / "young", http=http), "young")
    lab.stop(lab.serve(config, ("127.0.0.1", http), "young"))
    newer_format(lab.dir / "young" / "store")
    t.fails("data of a newer winnow", 1, [str(lab.dir / "young"), "newer", "format 99"], "serve", "--config", config)


def foreign_key():
    return "".join(f"{name} = {os.urandom(32).hex()}\n" for name in ("index", "seal", "verp")).encode()


def crc32c(data):
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def newer_format(store):
    """Raises the format of a fresh store in its write-ahead log: the `meta` record and both checksums (docs/storage-format.md)."""
    for log in sorted(store.glob("*.log")):
        data = bytearray(log.read_bytes())
        at = 0
        while at + 7 <= len(data):
            length, kind = struct.unpack_from("<HB", data, at + 4)
            payload = at + 7
            meta = data.find(b"\x13", payload, payload + length)  # kind 19 = meta
            while meta >= 0 and kind == 1:
                body = meta + 5
                size = data[meta - 1]  # the value's length in the write batch
                if data[body:body + 2] == b"\x08\x01" and struct.unpack_from("<I", data, meta + 1)[0] == crc32c(
                        b"\x13" + data[body:meta + size]):
                    data[body + 1] = 99
                    struct.pack_into("<I", data, meta + 1, crc32c(b"\x13" + data[body:meta + size]))
                    crc = crc32c(data[at + 6:payload + length])
                    struct.pack_into("<I", data, at, ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
                    log.write_bytes(data)
                    return
                meta = data.find(b"\x13", meta + 1, payload + length)
            at = payload + length
    raise Failed("no meta record in the write-ahead log of the store")


def data_directories(t: Table):
    """A mistyped --data-dir is no empty store: it is refused, and nothing is made. The first data bring their key."""
    lab = t.lab
    typo, good = lab.dir / "typo", t.file("good.csv", GOOD)
    for args in (["suppression", "list"], ["suppression", "check", "a@b.test"], ["suppression", "remove", "a@b.test"],
                 ["suppression", "export", "-o", t.out], ["queue", "summary"], ["explain", "a@b.test"], ["replies", "unmatched"],
                 ["verdicts", "recompute"], ["check", "a@b.test"], ["verify", good, "--plan"]):
        t.fails(" ".join(map(str, args)), 2, ["no winnow data", str(typo), "--data-dir"], *args, "--data-dir", typo)
        expect(not typo.exists() and not typo.with_suffix(".key").exists(), f"{args} made {typo}")
    t.fails("a list on a folder", 2, ["--server", "--data-dir"], "list", "status", "x", "--data-dir", typo)

    t.cases += 1
    new = lab.dir / "new"
    done = lab.try_run("verify", good, "-o", t.out, "--data-dir", new, *lab.sandbox_flags())
    expect(done.code == 0 and f"new data in {new}" in done.err and f"{new}.key" in done.err, f"the first data: {done}")
    expect("winnow: lab settings" in done.err and "--allow-private" in done.err and "--fast" in done.err, f"a lab: {done.err}")
    shown = lab.run("explain", "ada@acme.deliverable.test", "--data-dir", new)
    expect("deliverable (accepted)" in shown and " UTC" in shown, f"explain: {shown}")
    expect(max(map(len, shown.splitlines())) <= 80, f"explain is too wide: {shown}")
    done = lab.try_run("suppression", "list", "--data-dir", new)
    expect(done.code == 0 and not done.out and "nobody is suppressed" in done.err, f"an empty list: {done}")
    listed = t.file("listed.csv", b"nick,who\nx@x.test,Ada <a@b.test>\n")
    lab.run("suppression", "import", listed, "--column", "who", "--data-dir", new)
    for since in ("7d", "24h", "2020-01-31", "2020-01-31T00:00:00Z"):
        expect(lab.run("suppression", "list", "-q", "--since", since, "--data-dir", new) == "a@b.test\n", f"--since {since}")
    t.fails("a time that is none", 2, ["--since", "yesterday", "7d"], "suppression", "list", "--since", "yesterday", "--data-dir", new)


def dns(t: Table):
    """No name server answers: the run ends, says whom it asked and writes nothing; without a probe identity nothing is probed."""
    good = t.file("good.csv", HEADER + b"1,ada@acme.deliverable.test\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        started = time.monotonic()
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        t.out.unlink(missing_ok=True)
        done = t.lab.try_run("verify", good, "-o", t.out, "--dns", server, "--allow-private", "--fast")
        took = time.monotonic() - started
    t.cases += 1
    expect(done.code == 69 and not t.out.exists(), f"dead DNS: {done}")
    for word in ("no DNS server answers", server, "--dns", "nothing was written"):
        expect(word in done.err, f"dead DNS: {word!r} is not told:\n{done.err}")
    expect(took < 45, f"a dead DNS server took {took:.0f} s")

    t.cases += 1
    started = time.monotonic()
    done = t.lab.try_run("verify", good, "-o", t.out, "--dns", t.lab.dns)
    took = time.monotonic() - started
    expect(done.code == 0 and b",unknown,no_connect," in t.out.read_bytes(), f"a private target: {done}\n{t.out.read_bytes()!r}")
    expect(took < 20, f"mail hosts on private addresses took {took:.0f} s")

    t.cases += 1
    good.write_bytes(HEADER + b"1,ada@example.test\n")
    public = t.lab.nsd({"example.test": "@ MX 10 mx\nmx A 11.22.33.44\n"})
    done = t.lab.try_run("verify", good, "-o", t.out, "--dns", public)
    expect(done.code == 0 and b",unknown,not_probed," in t.out.read_bytes(), f"no identity: {done}\n{t.out.read_bytes()!r}")
    for word in ("not probed", "verifier.helo_name", "verifier.mail_from", "--helo", "--mail-from"):
        expect(word in done.err, f"no probe identity: {word!r} is not told:\n{done.err}")


def interrupted(t: Table):
    """Ctrl-C in the middle of a list leaves neither the temporary store nor half an output."""
    scratch = t.lab.dir / "scratch"
    scratch.mkdir()
    rows = b"".join(b"%d,ada.n%d@d%d.slow.test\n" % (i, i, i % 20) for i in range(60_000))  # > 2 MB: a store on disk
    path = t.file("large.csv", HEADER + rows)
    t.out.write_bytes(OLD)
    for how in (signal.SIGINT, signal.SIGTERM):
        t.cases += 1
        process = subprocess.Popen([t.lab.winnow, "verify", path, "-o", t.out, *t.lab.sandbox_flags()], stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, env={**t.lab.env, "TMPDIR": str(scratch)})
        time.sleep(1.5)  # anywhere in the run will do
        process.send_signal(how)
        try:
            err = process.communicate(timeout=30)[1].decode()
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failed("an interrupted verify goes on")
        expect(process.returncode == 128 + how, f"interrupted: exit code {process.returncode}\n{err}")
        expect(t.out.read_bytes() == OLD, "interrupted: the output file was touched")
        expect(not list(scratch.iterdir()), f"interrupted: left behind {list(scratch.iterdir())}")
        no_leftovers(t.lab.dir)


def story(lab: Lab):
    """Each mistake gets one sentence with the cure, the right exit code, and leaves no half-written file."""
    lab.sandbox()
    table = Table(lab)
    for part in (usage, configuration, config_check, lists, long_line, devices, small_disk, permissions, servers, data_directories, dns, interrupted, interrupted_clients, quiet):
        part(table)
    expect(table.cases > 45, f"only {table.cases} cases were played")
    print(f"{table.cases} cases")


if __name__ == "__main__":
    main(story)
