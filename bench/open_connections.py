#!/usr/bin/env python3
"""Peak memory of `winnow verify` while it holds many probe connections open at once, in clear and with TLS.

    python3 bench/open_connections.py build/release/app/winnow --connections 10000

A few addresses at each of so many domains, whose mail hosts (winnow's sandbox) answer each command after three seconds, so
that the connections are open at the same time. Prints how many were, as the kernel counts them, and the peak memory.
"""
import argparse
import os
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import time


PER_DOMAIN = 8


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def established(port):
    """Connections to `port` that are open, from the side that made them."""
    wanted = f":{port:04X}"
    with open("/proc/net/tcp") as table:
        return sum(1 for line in table if (cells := line.split())[3] == "01" and cells[2].endswith(wanted))


def measure(winnow, folder, connections, in_clear):
    listed = folder / "list.csv"
    listed.write_text("email\n" + "".join(f"user{k}@d{n}.slow.test\n" for n in range(connections) for k in range(PER_DOMAIN)))
    config = folder / "winnow.toml"
    config.write_text(f"[verifier]\nmanners.max_connections = {connections}\nmanners.between_rcpts = \"0s\"\nmanners.between_connections = \"0s\"\n")
    dns, smtp = free_port(), free_port()
    sandbox = subprocess.Popen([winnow, "sandbox", "--dns-listen", f"127.0.0.1:{dns}", "--smtp-port", str(smtp),
                                *(["--no-starttls"] if in_clear else [])], stdout=subprocess.PIPE, text=True)
    sandbox.stdout.readline()
    verify = subprocess.Popen([winnow, "verify", listed, "-o", folder / "out.csv", "--config", config, "--dns",
                               f"127.0.0.1:{dns}", "--smtp-port", str(smtp), "--allow-private", "--deadline", "10m"],
                              stderr=subprocess.PIPE, text=True)
    most = 0
    while os.waitid(os.P_PID, verify.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        most = max(most, established(smtp))
        time.sleep(0.2)
    stderr = verify.stderr.read()
    _, status, usage = os.wait4(verify.pid, 0)
    sandbox.terminate()
    sandbox.wait()
    if status != 0:
        sys.exit(stderr)
    decided = sum("deliverable" in line for line in open(folder / "out.csv"))
    print(f"{'in clear' if in_clear else 'with TLS':<9} {most:6} connections at once, peak {usage.ru_maxrss / 1024:5.0f} MB, "
          f"CPU {usage.ru_utime + usage.ru_stime:.1f} s, {decided} rows decided", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("winnow")
    parser.add_argument("--connections", type=int, default=10_000)
    args = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for in_clear in (True, False):
        with tempfile.TemporaryDirectory(prefix="winnow-bench-") as name:
            measure(args.winnow, pathlib.Path(name), args.connections, in_clear)


if __name__ == "__main__":
    main()
