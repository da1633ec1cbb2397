#!/usr/bin/env python3
"""`winnow verify` beside npm deep-email-validator, in turns, against the same mail hosts on the same cores.

    npm install --ignore-scripts --prefix /tmp/peer deep-email-validator@0.1.27
    python3 bench/verify_peers.py build/release/app/winnow --peer /tmp/peer/node_modules

The mail hosts are winnow's sandbox. Prints one line a run, then medians and their ratio, and for both what the verdicts are
worth: living addresses called dead, dead ones called living. Without --peer only winnow runs.
"""
import argparse
import csv
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

DEAD = {"mailbox_not_found", "mailbox_disabled", "domain_not_found", "domain_no_mail", "syntax_invalid"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def timed(argv, out=None):
    """Wall seconds, CPU seconds and peak memory in MB of a process."""
    started = time.monotonic()
    process = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=subprocess.PIPE, text=True)
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{argv[0]} failed:\n{stderr}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def mistakes(said, truth):
    """(false undeliverable, false deliverable) of {address: verdict word}."""
    living = sum(1 for a, v in said.items() if v == "undeliverable" and truth[a] not in DEAD)
    dead = sum(1 for a, v in said.items() if v == "deliverable" and truth[a] != "accepted")
    return living, dead


def read_truth(path):
    with open(path, newline="") as file:
        return {row["address"]: row["reason"] for row in csv.DictReader(file)}


def said_by_winnow(path):
    with open(path, newline="") as file:
        return {row["email"]: row["winnow_verdict"] for row in csv.DictReader(file)}


def said_by_peer(path):
    words = {"true": "deliverable", "false": "undeliverable", "": "unknown"}
    with open(path) as file:
        return {a: words[v] for a, v, _ in (line.rstrip("\n").split(",", 2) for line in file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("winnow")
    parser.add_argument("--peer", help="node_modules with deep-email-validator")
    parser.add_argument("--addresses", type=int, default=20_000)
    parser.add_argument("--domains", type=int, default=400)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rtt", type=int, default=0, help="delay of each SMTP reply in ms")
    parser.add_argument("--in-clear", action="store_true", help="the mail hosts offer no STARTTLS; the peer never asks for it")
    parser.add_argument("--concurrency", type=int, default=100, help="of the peer")
    parser.add_argument("--deadline", default="30s", help="of winnow, for greylisted rows")
    parser.add_argument("--only", help="keep the addresses whose domain contains this, e.g. deliverable.test")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as name:
        folder = pathlib.Path(name)
        listed, truth = folder / "list.csv", folder / "truth.csv"
        subprocess.run([args.winnow, "sandbox", "--make-list", str(args.addresses), "--domains", str(args.domains),
                        "--greylist-seconds", "2", "-o", listed, "--truth", truth], check=True)
        if args.only:
            lines = listed.read_text().splitlines()
            kept = lines[:1] + [line for line in lines[1:] if args.only in line]
            listed.write_text("\n".join(kept) + "\n")
        rows = sum(1 for _ in open(listed)) - 1
        expected = read_truth(truth)
        dns, smtp = free_port(), free_port()
        sandbox = subprocess.Popen([args.winnow, "sandbox", "--dns-listen", f"127.0.0.1:{dns}", "--smtp-port", str(smtp),
                                    "--rtt", str(args.rtt), *(["--no-starttls"] if args.in_clear else [])], stdout=subprocess.PIPE, text=True)
        sandbox.stdout.readline()
        ours = [args.winnow, "verify", listed, "-o", folder / "out.csv", "--dns", f"127.0.0.1:{dns}", "--smtp-port", smtp,
                "--allow-private", "--fast", "--deadline", args.deadline]
        theirs = ["node", pathlib.Path(__file__).with_name("verify_peer.cjs"), args.peer, listed, dns, smtp, args.concurrency]
        taken = {}

        def note(who, figures, said):
            wall, cpu, rss = figures
            living, dead = mistakes(said, expected)
            taken.setdefault(who, []).append(wall)
            print(f"{who:<22} {wall:7.1f} s  {rows / wall:8.0f}/s  CPU {cpu:6.1f} s  peak {rss:5.0f} MB  "
                  f"living called dead {living}, dead called living {dead}", flush=True)

        try:
            for run in range(args.runs):
                note("winnow", timed(ours), said_by_winnow(folder / "out.csv"))
                if args.peer:
                    with open(folder / "peer.csv", "w") as out:
                        figures = timed(theirs, out)
                    note("deep-email-validator", figures, said_by_peer(folder / "peer.csv"))
        finally:
            sandbox.terminate()
            sandbox.wait()
        medians = {who: statistics.median(walls) for who, walls in taken.items()}
        for who, wall in medians.items():
            print(f"median of {args.runs}: {who}: {wall:.1f} s, {rows / wall:.0f} addresses/s")
        if args.peer:
            print(f"winnow takes {medians['winnow'] / medians['deep-email-validator']:.2f} of the peer's time")


if __name__ == "__main__":
    main()
