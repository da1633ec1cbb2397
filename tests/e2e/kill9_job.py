"""A verification job of 20,000 rows whose server is killed with SIGKILL at random moments, beside one that is left alone."""
import collections
import csv
import io
import os
import random
import re
import signal
import time

from harness import DEPTH, Lab, expect, main, wait_for

ROWS = 20_000
DOMAINS = 800
SAMPLE = 4_000  # finished rows whose verdict is remembered at a kill
# RCPTs that a kill may cost: for what is asked at that moment, on one connection a domain, and for the answers that were
# heard but not yet stored: one commit of 500 under way and the next one filling. Far fewer than a job that begins again
# would cost.
RCPTS_PER_KILL = 1_000


class Server:
    """`winnow serve` with a data directory of its own, beside others in one lab."""

    def __init__(self, lab, name):
        self.lab, self.name, self.starts = lab, name, 0
        self.config = lab.gateway_config(name=name)
        text = self.config.read_text().replace(f"{lab.dir}/data", f"{lab.dir}/{name}-data").replace("/winnow.key", f"/{name}.key")
        self.config.write_text(text.replace(f"{lab.dir}/keys", f"{lab.dir}/{name}-keys"))
        self.http = lab.http_at
        lab.api_key(self.config)
        self.env = {k: lab.env[k] for k in ("WINNOW_API_KEY", "WINNOW_SERVER")}

    def start(self):
        self.starts += 1
        self.process = self.lab.serve(self.config, self.http, f"{self.name}-{self.starts}")

    def kill(self):
        expect(self.process.poll() is None, f"winnow serve ended by itself\n{self.lab.log(self.process.name)}")
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def upload(self, content):
        self.lab.env.update(self.env)
        made = self.lab.api("POST", "/lists?filename=list.csv", content, "text/csv")
        self.job_id, self.list_id = made["job"]["id"], made["list"]["id"]

    def job(self):
        self.lab.env.update(self.env)

        def ask():
            try:
                return self.lab.api("GET", f"/jobs/{self.job_id}")["job"]
            except OSError:  # it is starting
                return None
        state = wait_for("an answer of the API", ask)
        expect(state["state"] not in ("failed", "cancelled"), f"the job ended as {state}")
        return state

    def rows(self):
        """The rows as exported now; those without verdict have none yet."""
        return list(csv.DictReader(io.StringIO(self.lab.run("list", "export", self.list_id, env=self.env))))


def finished(state):
    return sum(state["by_reason"].values())


def verdict(row):
    return row["winnow_verdict"], row["winnow_reason"]


def whole(server, addresses, truth, what):
    """The job is done, and every row has its verdict once."""
    state = wait_for("the verification to end", lambda: (s := server.job())["state"] == "done" and s, 240)
    expect(finished(state) == ROWS, f"{what}: {finished(state)} of {ROWS} rows are counted: {state}")
    rows = server.rows()
    expect([r["email"] for r in rows] == addresses, f"{what}: the export does not have each row once and in its place")
    counted = collections.Counter(r["winnow_reason"] for r in rows)
    expect(counted == state["by_reason"], f"{what}: rows say {counted}, the job {state['by_reason']}")
    wrong = [(r["email"], truth[r["email"]], verdict(r)) for r in rows if verdict(r) != truth[r["email"]]]
    expect(not wrong, f"{what}: {len(wrong)} verdicts are not the truth, e.g. {wrong[:5]}")
    return state, rows


def rcpts_at(lab, receivers):
    """Ends a sandbox; how many RCPTs its receivers were sent."""
    lab.stop(receivers)
    totals = re.findall(r"connections, ([\d,]+) RCPTs", lab.log("sandbox"))
    expect(totals, f"the receivers do not tell what they saw:\n{lab.log('sandbox')}")
    return int(totals[-1].replace(",", ""))  # the log is of all sandboxes, one after the other


def interrupted(server, rng, kills):
    """Kills between the first and the last finished row; what was finished at a kill has the same verdict of the same time later."""
    kept, hits = {}, 0
    marks = sorted(rng.sample(range(1, ROWS * 9 // 10), kills))
    for n, mark in enumerate(marks):
        state = wait_for(f"{mark} rows to be finished", lambda: (s := server.job()) and finished(s) >= mark and s, 240)
        if n in (0, kills // 2):  # an export takes its time: not at each
            # What is still unknown may be waiting for its next try.
            done = [r for r in server.rows() if r["winnow_verdict"] not in ("", "unknown")]
            kept |= {r["email"]: (*verdict(r), r["winnow_checked_at"]) for r in rng.sample(done, min(SAMPLE, len(done)))}
        time.sleep(rng.uniform(0, 0.3))
        hits += state["state"] != "done"
        server.kill()
    expect(hits == kills, f"only {hits} of {kills} kills came before the end: they prove nothing")
    return kept


def story(lab: Lab):
    """A job that is killed again and again ends with the verdicts and counts of one that is left alone."""
    seed = int(os.environ.get("WINNOW_SEED", random.SystemRandom().randrange(10**6)))
    print(f"WINNOW_SEED={seed}")
    listed, told = lab.dir / "list.csv", lab.dir / "truth.csv"
    lab.run("sandbox", "--make-list", ROWS, "--domains", DOMAINS, "--greylist-seconds", 3, "--seed", seed, "-o", listed, "--truth", told)
    truth = {r["address"]: (r["verdict"], r["reason"]) for r in csv.DictReader(told.open(newline=""))}
    addresses = list(truth)

    receivers = lab.sandbox("--rtt", "2")
    calm = Server(lab, "calm")
    calm.start()
    began = time.monotonic()
    calm.upload(listed.read_bytes())
    calm_state, calm_rows = whole(calm, addresses, truth, "left alone")
    took = time.monotonic() - began
    expect(lab.stop(calm.process) == 0, "winnow serve did not end with 0 on SIGTERM")

    calm_rcpts = rcpts_at(lab, receivers)

    receivers = lab.sandbox("--rtt", "2")  # that have met nobody yet
    killed = Server(lab, "killed")
    killed.start()
    killed.upload(listed.read_bytes())
    kills = 4 * DEPTH
    kept = interrupted(killed, random.Random(seed), kills)
    state, rows = whole(killed, addresses, truth, "killed")
    expect(state["by_reason"] == calm_state["by_reason"], f"killed: {state['by_reason']}, left alone: {calm_state['by_reason']}")
    differing = [(a["email"], verdict(a), verdict(b)) for a, b in zip(calm_rows, rows) if verdict(a) != verdict(b)]
    expect(not differing, f"{len(differing)} verdicts differ from those of a job that was left alone, e.g. {differing[:5]}")
    now = {r["email"]: (*verdict(r), r["winnow_checked_at"]) for r in rows}
    again = [a for a, was in kept.items() if now[a] != was]
    expect(not again, f"{len(again)} of {len(kept)} finished rows were worked on again, e.g. {[(kept[a], now[a]) for a in again[:3]]}")
    expect(lab.stop(killed.process) == 0, "winnow serve did not end with 0 on SIGTERM")
    rcpts = rcpts_at(lab, receivers)
    print(f"{kills} kills, {ROWS} rows, {len(kept)} finished ones kept their verdict of then; left alone {took:.0f} s, "
          f"{calm_rcpts} RCPTs at the receivers, killed {rcpts}")
    expect(rcpts <= calm_rcpts + kills * RCPTS_PER_KILL, f"{rcpts} RCPTs, {calm_rcpts} of a job that was left alone: rows were asked again")


if __name__ == "__main__":
    main(story)
