#!/usr/bin/env python3
"""How long `winnow verify` takes for a sandbox list, and how much memory.

    python3 bench/verify_list.py build/release/app/winnow [--addresses 100000] [--domains 2000] [--runs 3]

Sandbox and verifier share the machine. Every run verifies the same list from nothing and compares each verdict with the
truth file. Prints one line a run and the medians. The deadline is short, so that the greylist domains (60 s wait) are
asked twice and then left as they are.
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def timed(argv):
    """Wall seconds, CPU seconds of the process and its peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(argv)} failed:\n{stderr}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def agreement(out, truth):
    with open(truth, newline="") as file:
        expected = {row["address"]: row["reason"] for row in csv.DictReader(file)}
    same = total = 0
    with open(out, newline="") as file:
        for row in csv.DictReader(file):
            total += 1
            same += expected[row["email"]] == row["winnow_reason"]
    return same / total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("winnow")
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--domains", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--deadline", default="90s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        folder = pathlib.Path(folder)
        subprocess.run([args.winnow, "sandbox", "--make-list", str(args.addresses), "--domains", str(args.domains),
                        "-o", folder / "list.csv", "--truth", folder / "truth.csv"], check=True)
        dns, smtp = free_port(), free_port()
        sandbox = subprocess.Popen([args.winnow, "sandbox", "--dns-listen", f"127.0.0.1:{dns}", "--smtp-port", str(smtp)],
                                   stdout=subprocess.PIPE, text=True)
        sandbox.stdout.readline()
        rows = []
        try:
            for run in range(args.runs):
                wall, cpu, rss = timed([args.winnow, "verify", str(folder / "list.csv"), "-o", str(folder / "out.csv"), "--dns",
                                        f"127.0.0.1:{dns}", "--smtp-port", str(smtp), "--allow-private", "--fast", "--deadline",
                                        args.deadline])
                same = agreement(folder / "out.csv", folder / "truth.csv")
                rows.append((wall, cpu, rss, same))
                print(f"run {run + 1}: {wall:.1f} s, {args.addresses / wall:.0f} addresses/s, CPU {cpu:.1f} s, peak {rss:.0f} MB, "
                      f"{100 * same:.2f} % as the truth file says", flush=True)
        finally:
            sandbox.terminate()
            sandbox.wait()
        wall, cpu, rss, same = (statistics.median(column) for column in zip(*rows))
        print(f"median of {args.runs}: {wall:.1f} s, {args.addresses / wall:.0f} addresses/s, CPU {cpu:.1f} s, peak {rss:.0f} MB, "
              f"{100 * same:.2f} %")


if __name__ == "__main__":
    main()
