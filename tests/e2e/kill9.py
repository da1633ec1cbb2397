"""The server is killed with SIGKILL at random moments of a list's life; nothing that it acknowledged may be gone."""
import collections
import datetime
import json
import os
import random
import signal
import time

from harness import DEPTH, Lab, expect, main, wait_for

CLEAN = [f"ada.n{i}@d{i % 24}.deliverable.test" for i in range(1, 601)]
BOUNCING = [f"bob.n{i}@d{i % 4}.accept-then-bounce.test" for i in range(1, 25)]
UNKNOWN = [f"unknown-{i}@d{i % 24}.deliverable.test" for i in range(1, 61)]
DEAD = [f"eve.n{i}@d{i % 3}.nullmx.test" for i in range(1, 21)]
SUPPRESSED = CLEAN[::20]
IN_FLIGHT = 1.0  # seconds between the receiver's 250 and the kill, within which the outcome may not be stored yet


class Gateway:
    def __init__(self, lab, config, rng):
        self.lab, self.config, self.rng = lab, config, rng
        self.starts = 0
        self.kills = []  # wall clock, as in the sandbox's mail log

    def start(self):
        self.starts += 1
        self.process = self.lab.serve(self.config, self.lab.http_at, f"serve-{self.starts}")

    def kill(self):
        expect(self.process.poll() is None, f"winnow serve ended by itself\n{self.lab.log(self.process.name)}")
        self.process.send_signal(signal.SIGKILL)
        self.kills.append(time.time())
        self.process.wait()
        self.start()

    def uncertain(self):
        """Messages that each start found marked as in flight."""
        found = []
        for i in range(1, self.starts + 1):
            for line in self.lab.log(f"serve-{i}").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:  # the kill cut the line
                    continue
                if record.get("event") == "storage.opened":
                    found.append(record["in_flight_at_last_end"])
        return found


def patiently(request):
    """The server may be starting: tries again until somebody answers."""
    def attempt():
        try:
            return request()
        except OSError:
            return None
    return wait_for("an answer of the API", attempt)


def check_suppressions(lab):
    for address in SUPPRESSED[:3] + SUPPRESSED[-2:]:
        found = patiently(lambda: lab.api("GET", f"/suppressions?address={address}"))
        expect(any(s["reason"] == "manual" for s in found["entries"]), f"the suppression of {address} is gone: {found}")


def suppress(lab, gateway):
    """Each is acknowledged; the kill comes right after the last one."""
    for address in SUPPRESSED:
        lab.api("POST", "/suppressions", {"address": address, "reason": "manual", "note": "asked by phone"})
    gateway.kill()
    check_suppressions(lab)


def verify(lab, gateway, kills):
    rows = CLEAN + BOUNCING + UNKNOWN + DEAD
    gateway.rng.shuffle(rows)
    uploaded = lab.api("POST", "/lists?filename=list.csv", "\n".join(["email", *rows, ""]).encode(), "text/csv")
    job, list_id = uploaded["job"]["id"], uploaded["list"]["id"]
    for _ in range(kills):
        time.sleep(gateway.rng.uniform(0.05, 1.0))
        gateway.kill()

    def done():
        state = patiently(lambda: lab.api("GET", f"/jobs/{job}"))["job"]
        expect(state["state"] not in ("failed", "cancelled"), f"the job ended as {state}")
        return state if state["state"] == "done" else None

    counts = wait_for("the verification to end", done)["by_reason"]
    # Whom we may not write to is not probed either.
    expect(counts == {"accepted": len(CLEAN + BOUNCING) - len(SUPPRESSED), "mailbox_not_found": len(UNKNOWN),
                      "domain_no_mail": len(DEAD), "not_probed": len(SUPPRESSED)}, f"verdicts after {kills} kills: {counts}")
    return list_id


def send(lab, gateway, list_id, kills):
    made = lab.api("POST", "/campaigns", {"list_id": list_id, "from": "News <news@gateway.sandbox.test>", "subject": "Hello",
                                          "text": "hello {{email}}\n", "start": True})["campaign"]
    mails = lab.dir / "mail.ndjson"
    total = len(CLEAN + BOUNCING) - len(SUPPRESSED)
    # After so many messages have arrived: a kill while nothing moves would prove little. And more of them until one has hit
    # a message in flight, which on a fast machine not every kill does.
    marks = gateway.rng.sample(range(1, total // 2), kills) + gateway.rng.sample(range(total // 2, total * 9 // 10), 15)
    for n, arrived in enumerate(sorted(marks)):
        if n >= kills and any(gateway.uncertain()):
            break
        wait_for(f"{arrived} messages to arrive", lambda: mails.exists() and mails.read_bytes().count(b"\n") >= arrived)
        time.sleep(gateway.rng.uniform(0, 0.02))
        gateway.kill()

    def done():
        state = patiently(lambda: lab.api("GET", f"/campaigns/{made['id']}"))["campaign"]
        return state if state["state"] == "done" else None

    return wait_for("the campaign to be done", done)


def judge(lab, gateway, campaign):
    copies = collections.defaultdict(list)
    for line in (lab.dir / "mail.ndjson").read_text().splitlines():
        mail = json.loads(line)
        if mail["from"].startswith("b-"):
            at = datetime.datetime.fromisoformat(mail["at"]).timestamp()
            ids = [l for l in mail["content"].split("\r\n\r\n")[0].split("\r\n") if l.lower().startswith("message-id:")]
            for recipient in mail["to"]:
                copies[recipient].append((at, ids[0]))
    expected = set(CLEAN + BOUNCING) - set(SUPPRESSED)
    lost = sorted(expected - set(copies))
    expect(not lost, f"{len(lost)} clean recipients got nothing, e.g. {lost[:5]}: {campaign}")
    wrong = sorted(set(copies) - expected)
    expect(not wrong, f"{len(wrong)} recipients that the gate refused got mail, e.g. {wrong[:5]}")
    twice = {r: c for r, c in copies.items() if len(c) > 1}
    for recipient, seen in twice.items():
        expect(len({message_id for _, message_id in seen}) == 1, f"{recipient} was queued twice: {seen}")
        for at, _ in sorted(seen)[:-1]:
            expect(any(-0.2 <= kill - at <= IN_FLIGHT for kill in gateway.kills),
                   f"{recipient} got a copy at {at} that no kill explains: {seen}, kills {gateway.kills}")
    expect(campaign["messages"].get("delivered") == len(expected), f"delivered: {campaign}")
    expect(campaign["gate"]["refused"].get("suppressed:workspace:manual") == len(SUPPRESSED),
           f"refused: {campaign['gate']}")
    uncertain = sum(gateway.uncertain())
    expect(uncertain > 0, "no kill hit a message in flight: the story proves nothing")
    expect(len(twice) <= uncertain, f"{len(twice)} duplicates, but only {uncertain} messages were counted as uncertain")
    print(f"{len(gateway.kills)} kills, {len(expected)} recipients, {len(twice)} of {uncertain} uncertain ones got a second copy")


def story(lab: Lab):
    """Killed at any moment, winnow loses no message and no suppression, and repeats only what was in flight."""
    seed = int(os.environ.get("WINNOW_SEED", random.SystemRandom().randrange(10**6)))
    print(f"WINNOW_SEED={seed}")
    lab.sandbox("--rtt", "40", "--mail-log", lab.dir / "mail.ndjson")
    config = lab.gateway_config()
    lab.api_key(config)
    gateway = Gateway(lab, config, random.Random(seed))
    gateway.start()
    suppress(lab, gateway)
    list_id = verify(lab, gateway, 2 * DEPTH)
    campaign = send(lab, gateway, list_id, 4 * DEPTH)
    judge(lab, gateway, campaign)
    check_suppressions(lab)
    expect(lab.stop(gateway.process) == 0, "winnow serve did not end with 0 on SIGTERM")


if __name__ == "__main__":
    main(story)
