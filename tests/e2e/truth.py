"""Every kind of domain and mailbox that the sandbox knows, verified with the real program and compared with the truth."""
import collections
import csv
import re
import time

from harness import Lab, expect, main

ROWS = 2200
KINDS = 50  # at least so many are on the list
EXACT = 0.97
PATIENCE = 20  # seconds: what waits longer cannot be known
# Receivers that never answer cost their timeouts; everything else is as it is by default.
IMPATIENT = {"WINNOW_VERIFIER__BANNER_TIMEOUT": "1500ms", "WINNOW_VERIFIER__COMMAND_TIMEOUT": "1500ms", "WINNOW_VERIFIER__PROBE_TIMEOUT": "8s", "WINNOW_NET__DNS_TIMEOUT": "500ms"}


def kind_of(address):
    """The zone that an address is of: what the sandbox does follows from it and from the local part's magic."""
    domain = address.rpartition("@")[2]
    zone = domain.partition(".")[2] if re.match(r"d\d+\.", domain) else domain
    return zone or "no domain"


def is_false(told, got):
    """Would a living customer be thrown away, or a dead one be vouched for?"""
    return got != told and got in ("deliverable", "undeliverable")


def story(lab: Lab):
    """No living address is called dead and no dead one alive, and at least 97 % of the reasons are the true ones."""
    lab.sandbox()
    listed, told, out = (lab.dir / name for name in ("list.csv", "truth.csv", "out.csv"))
    lab.run("sandbox", "--make-list", ROWS, "--every-kind", "--domains", 4, "--greylist-seconds", 2, "--patience", f"{PATIENCE}s",
            "-o", listed, "--truth", told)
    truth = {r["address"]: (r["verdict"], r["reason"]) for r in csv.DictReader(told.open(newline=""))}
    expect(len(truth) == ROWS, f"{len(truth)} addresses in the truth file")
    kinds = {kind_of(address) for address in truth}
    expect(len(kinds) >= KINDS, f"only {len(kinds)} kinds of domain")

    began = time.monotonic()
    done = lab.try_run("verify", listed, "-o", out, *lab.sandbox_flags(), "--deadline", f"{PATIENCE}s", env=IMPATIENT, patience=120)
    took = time.monotonic() - began
    expect(done.code == 0, f"verify: {done.err}")
    rows = list(csv.DictReader(out.open(newline="")))
    expect([r["email"] for r in rows] == list(truth), "the rows are not in their order")

    confusion = collections.Counter()
    wrong = collections.defaultdict(list)
    for row in rows:
        address, got = row["email"], (row["winnow_verdict"], row["winnow_reason"])
        confusion[truth[address][0], got[0]] += 1
        if got != truth[address]:
            wrong[kind_of(address), truth[address], got].append(address)
    verdicts = ("deliverable", "undeliverable", "risky", "unknown")
    print(f"{'truth / verdict':16s}" + "".join(f"{v:>15s}" for v in verdicts))
    for said in verdicts:
        print(f"{said:16s}" + "".join(f"{confusion[said, got]:15d}" for got in verdicts))
    for (kind, said, got), addresses in sorted(wrong.items(), key=lambda entry: -len(entry[1])):
        print(f"  {len(addresses):4d}  {kind:26s} is {'/'.join(said)}, got {'/'.join(got)}, e.g. {addresses[0]}")
    exact = ROWS - sum(map(len, wrong.values()))
    dead = sum(len(a) for (_, said, got), a in wrong.items() if got[0] == "undeliverable" and is_false(said[0], got[0]))
    alive = sum(len(a) for (_, said, got), a in wrong.items() if got[0] == "deliverable" and is_false(said[0], got[0]))
    print(f"score truth/verdicts: {exact}/{ROWS} ({100 * exact / ROWS:.1f} %), {len(kinds)} kinds of domain, "
          f"{dead} false undeliverable, {alive} false deliverable, {took:.1f} s")
    expect(dead == 0, f"{dead} addresses were called undeliverable that are not")
    expect(alive == 0, f"{alive} addresses were called deliverable that are not")
    expect(exact >= EXACT * ROWS, f"only {exact} of {ROWS} verdicts are exactly the truth")


if __name__ == "__main__":
    main(story)
