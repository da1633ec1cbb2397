"""Postfix in front: a client that relays to winnow's submission port, which asks the gate and delivers to another Postfix."""
import smtplib

from harness import Lab, expect, free_port, main, wait_for

GOOD = ["ada@example.test", "bob@example.test"]
SUPPRESSED = "carol@example.test"
SENDER = "shop@sender.test"


def story(lab: Lab):
    """Mail that Postfix relays through winnow arrives once; a suppressed recipient is refused and comes back as a bounce."""
    dns = lab.nsd({
        "example.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
        "sender.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
        "winnow.test": "@ MX 10 mx\nmx A 127.0.0.1\ngateway A 127.0.0.1\nbounce MX 10 mx\n",
    })
    smtp, receiver = lab.postfix("receiver", {"smtpd_recipient_restrictions": "reject_unauth_destination"},
                                 virtual=GOOD + [SUPPRESSED, SENDER])
    http, submission = (("127.0.0.1", free_port()) for _ in range(2))
    config = lab.config(f"""
data_dir = "{lab.dir}/data"
key_file = "{lab.dir}/winnow.key"
http.listen = "127.0.0.1:{http[1]}"
http.keys_file = "{lab.dir}/keys"
submission.listen = "127.0.0.1:{submission[1]}"
submission.relay_networks = ["127.0.0.0/8"]
net.dns_servers = ["{dns}"]
net.smtp_port = {smtp}
net.allow_private_targets = true
relay.hostname = "gateway.winnow.test"
relay.bounce_domain = "bounce.winnow.test"
""")
    lab.env["WINNOW_API_KEY"] = lab.run("key", "create", "--config", config, "--name", "e2e").strip()
    lab.env["WINNOW_SERVER"] = f"http://{http[0]}:{http[1]}"
    server = lab.serve(config, http)
    lab.run("suppression", "add", SUPPRESSED, "--reason", "manual", "--note", "asked by phone")
    expect(lab.run("suppression", "check", SUPPRESSED, code=3) is not None, "check of a suppressed address")

    # The front Postfix sends its own bounces to the receiving one directly.
    front, _ = lab.postfix("front", {"relayhost": f"[127.0.0.1]:{submission[1]}", "smtp_address_preference": "ipv4",
                                     "transport_maps": f"inline:{{ {{ sender.test = smtp:[127.0.0.1]:{smtp} }} }}"})
    with smtplib.SMTP("127.0.0.1", front) as client:
        client.sendmail(SENDER, GOOD + [SUPPRESSED], "From: shop@sender.test\r\nTo: all@example.test\r\nSubject: order\r\n\r\nthanks\r\n")
    wait_for("the good recipients' mail", lambda: all(len(lab.maildir(receiver, a)) == 1 for a in GOOD))
    bounce = wait_for("Postfix's bounce to the sender", lambda: lab.maildir(receiver, SENDER))[0].read_text()
    expect("5.7.1" in bounce and "suppressed" in bounce and SUPPRESSED in bounce, f"the bounce does not say why:\n{bounce}")
    expect(not lab.maildir(receiver, SUPPRESSED), "a suppressed recipient got mail")
    message = lab.maildir(receiver, GOOD[0])[0].read_text()
    expect("by gateway.winnow.test" in message and "Subject: order" in message, f"no Received by winnow:\n{message}")
    expect(lab.stop(server) == 0, "winnow serve did not end with 0 on SIGTERM")


if __name__ == "__main__":
    main(story)
