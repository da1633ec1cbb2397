"""A campaign to a list that has rows without a verdict: they are held, verified and mailed without anybody's call."""
import time

from harness import Lab, expect, loads, main, wait_for

CLEAN = [f"ada.n{i}@acme.deliverable.test" for i in range(5)]
SLOW = [f"ada.n{i}@mail.greylist-8s.test" for i in range(3)]


def story(lab: Lab):
    """Greylisted rows are held at first and delivered without a call, unless the campaign is told not to ask."""
    lab.sandbox()
    config = lab.gateway_config()
    lab.api_key(config)
    lab.serve(config, lab.http_at)
    contacts, text = lab.dir / "contacts.csv", lab.dir / "text.txt"
    contacts.write_text("\n".join(["email", *CLEAN, *SLOW]) + "\n")
    text.write_text("hello\n")

    # A verification with less patience than the greylisting: its rows end without a verdict.
    uploaded = loads(lab.run("list", "upload", contacts, "--deadline", "3s", "--wait", "--json"))
    list_id, first_job = uploaded["list"]["id"], uploaded["job"]["id"]
    reasons = lab.api("GET", f"/jobs/{first_job}")["job"]["by_reason"]
    expect(reasons == {"accepted": len(CLEAN), "greylisted": len(SLOW)}, f"the first verification: {reasons}")

    def campaign(*flags):
        made = loads(lab.run("campaign", "create", list_id, "--from", "news@gateway.sandbox.test", "--subject", "Hello", "--text", text,
                             "--start", "--json", *flags))
        return made["campaign"]["id"]

    def state_of(which):
        return loads(lab.run("campaign", "status", which, "--json"))["campaign"]

    silent = campaign("--no-verify-held")
    held = wait_for("the rows to be held", lambda: (c := state_of(silent))["messages"].get("held") == len(SLOW) and c)
    expect(held["verify_held"] is False and held["verification"] is None, f"--no-verify-held: {held}")
    expect(f"/lists/{list_id}/verify" in lab.run("campaign", "status", silent).replace("\n", "").replace(" ", ""), "no next step")
    time.sleep(2)  # nothing will come of it
    expect(state_of(silent)["messages"].get("held") == len(SLOW), "verified although it was told not to")
    lab.run("campaign", "cancel", silent)

    asking = campaign()
    seen = wait_for("the verification to start", lambda: (c := state_of(asking))["verification"] and c)
    job = seen["verification"]["job_id"]
    expect(job != first_job, f"the old job: {seen}")
    if seen["state"] == "running" and seen["verification"]["state"] in ("running", "waiting"):
        expect(seen["gate"]["held"] == {"greylisted": len(SLOW)}, f"held: {seen['gate']}")
        expect(f"job {job} verifies them" in seen["next_step"], f"next_step: {seen['next_step']}")
        expect(job in lab.run("campaign", "status", asking), "the status does not name the job")
    done = wait_for("the campaign to be done", lambda: (c := state_of(asking))["state"] == "done" and c, 60)
    expect(done["messages"] == {"delivered": len(CLEAN) + len(SLOW)}, f"messages: {done['messages']}")
    expect(done["gate"]["queued"] == {"accepted": len(CLEAN) + len(SLOW)} and done["next_step"] is None, f"at the end: {done}")
    spent = lab.api("GET", f"/jobs/{job}")["job"]
    expect(spent["state"] == "done" and spent["by_reason"] == {"accepted": len(CLEAN) + len(SLOW)}, f"the job: {spent}")
    # Each greylisted row is asked once or again, with whatever a site of its own costs; who has a verdict is not asked.
    probes = spent["counters"]["probes"]
    expect(len(SLOW) <= probes <= 4 * len(SLOW), f"{probes} probes for {len(SLOW)} held rows")


if __name__ == "__main__":
    main(story)
