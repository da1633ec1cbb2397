"""A real Postfix as the receiving server, its DNS from nsd: verify a list against it, send a campaign, count the Maildirs."""
import csv
import io

from harness import Lab, expect, free_port, loads, main, wait_for

USERS = [f"user{i}@example.test" for i in range(1, 31)]
UNKNOWN = [f"nobody{i}@example.test" for i in range(1, 11)]
DEAD = ["ghost@gone.test", "null@null.test"]


def story(lab: Lab):
    """Each clean recipient gets the campaign exactly once in a Maildir of a real Postfix, and nobody else gets anything."""
    dns = lab.nsd({
        "example.test": "@ MX 10 mx\nmx A 127.0.0.2\n",
        "null.test": "@ MX 0 .\n",
        "winnow.test": "@ MX 10 mx\nmx A 127.0.0.1\ngateway A 127.0.0.1\nbounce MX 10 mx\n",
        "test": "\n",
    })
    # An MX of 127.0.0.1 would lead back to winnow: it is refused in labs too.
    smtp = free_port("127.0.0.1", "127.0.0.2")
    _, folder = lab.postfix("receiver", {"smtpd_recipient_restrictions": "reject_unauth_destination"}, virtual=USERS, at=smtp,
                            services=[f"127.0.0.2:{smtp} inet n - n - - smtpd"])
    http, submission, bounce = (("127.0.0.1", free_port()) for _ in range(3))
    config = lab.config(f"""
data_dir = "{lab.dir}/data"
key_file = "{lab.dir}/winnow.key"
http.listen = "127.0.0.1:{http[1]}"
http.keys_file = "{lab.dir}/keys"
submission.listen = "127.0.0.1:{submission[1]}"
bounce.listen = "127.0.0.1:{bounce[1]}"
net.dns_servers = ["{dns}"]
net.smtp_port = {smtp}
net.allow_private_targets = true
relay.hostname = "gateway.winnow.test"
relay.bounce_domain = "bounce.winnow.test"
verifier.helo_name = "gateway.winnow.test"
verifier.mail_from = "probe@winnow.test"
verifier.manners.between_rcpts = "0ms"
verifier.manners.between_connections = "0ms"
verifier.manners.rcpts_per_connection = 20
""")
    lab.env["WINNOW_API_KEY"] = lab.run("key", "create", "--config", config, "--name", "e2e").strip()
    lab.env["WINNOW_SERVER"] = f"http://{http[0]}:{http[1]}"
    server = lab.serve(config, http)

    rows = ["email,name"] + [f"{a},{a.split('@')[0]}" for a in USERS + UNKNOWN + DEAD] + [f"{USERS[0].upper()},again"]
    contacts = lab.dir / "contacts.csv"
    contacts.write_text("\n".join(rows) + "\n")
    uploaded = loads(lab.run("list", "upload", contacts, "--wait", "--json"))
    list_id = uploaded["list"]["id"]
    verdicts = {r["email"].lower(): (r["winnow_verdict"], r["winnow_reason"])
                for r in csv.DictReader(io.StringIO(lab.run("list", "export", list_id)))}
    for address in USERS:
        expect(verdicts[address] == ("deliverable", "accepted"), f"{address}: {verdicts[address]}")
    for address in UNKNOWN:
        expect(verdicts[address] == ("undeliverable", "mailbox_not_found"), f"{address}: {verdicts[address]}")
    expect(verdicts["ghost@gone.test"] == ("undeliverable", "domain_not_found"), str(verdicts["ghost@gone.test"]))
    expect(verdicts["null@null.test"] == ("undeliverable", "domain_no_mail"), str(verdicts["null@null.test"]))
    expect(not any(lab.maildir(folder, a) for a in USERS), "a probe left mail behind")

    text = lab.dir / "text.txt"
    text.write_text("Dear {{name}},\n\n.a line that begins with a dot\n")
    made = loads(lab.run("campaign", "create", list_id, "--from", "News <news@winnow.test>", "--subject", "Hello {{name}}",
                         "--text", text, "--start", "--json"))
    campaign_id = made["campaign"]["id"]

    def done():
        state = loads(lab.run("campaign", "status", campaign_id, "--json"))["campaign"]
        return state if state["state"] == "done" else None

    campaign = wait_for("the campaign to be done", done)
    expect(campaign["messages"].get("delivered") == len(USERS), f"delivered: {campaign}")
    wait_for("Postfix to write all Maildirs", lambda: all(len(lab.maildir(folder, a)) == 1 for a in USERS), 20)
    files = [f for f in (folder / "mail").rglob("new/*")]
    expect(len(files) == len(USERS), f"{len(files)} messages in Maildirs, expected {len(USERS)}")
    message = lab.maildir(folder, USERS[4])[0].read_text()
    expect("Subject: Hello user5" in message and "\n.a line that begins with a dot" in message, f"message is damaged:\n{message}")
    expect("Return-Path: <b-" in message and "@bounce.winnow.test>" in message, f"no keyed return path:\n{message}")
    code = lab.stop(server)
    expect(code == 0, f"winnow serve ended with {code} on SIGTERM")


if __name__ == "__main__":
    main(story)
