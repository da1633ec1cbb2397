"""Applications hand mail in by SMTP: Python's smtplib, curl and Nodemailer, against the submission port."""
import email
import json
import os
import shutil
import smtplib
import socket
import ssl
import subprocess

from harness import ROOT, Failed, Lab, expect, main, skip, wait_for

SENDER = "shop@inbox.deliverable.test"
SUPPRESSED = "carol@acme.deliverable.test"
REFUSED = (550, b"5.7.1")


def message(subject, to):
    return f"From: {SENDER}\r\nTo: {', '.join(to)}\r\nSubject: {subject}\r\n\r\nthanks for your order\r\n"


def refusal(action):
    try:
        action()
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code, refused.smtp_error
    except smtplib.SMTPRecipientsRefused as refused:
        return next(iter(refused.recipients.values()))
    raise Failed("accepted what had to be refused")


class Receiver:
    """The sandbox's mail log."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        """What was logged so far, without a line that is being written."""
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def mails(self, subject):
        return [m for m in self.lines() if email.message_from_string(m["content"])["Subject"] == subject]

    def wait(self, subject, recipients):
        """Until each got the message, once."""
        def got():
            return sorted(r for m in self.mails(subject) for r in m["to"])
        wait_for(f"'{subject}' to {recipients}", lambda: set(got()) >= set(recipients), 30)
        expect(got() == sorted(recipients), f"'{subject}' went to {got()}, not {recipients}")
        return self.mails(subject)


def with_smtplib(lab, at, key, receiver):
    to = ["ada@acme.deliverable.test", "bob@acme.deliverable.test"]
    for method in ("PLAIN", "LOGIN"):
        with smtplib.SMTP(*at) as client:
            client.ehlo("app.test")
            client.user, client.password = "apikey", key
            code, _ = client.auth(method, getattr(client, f"auth_{method.lower()}"))
            expect(code == 235, f"AUTH {method}: {code}")
            refused = client.sendmail(SENDER, to + [SUPPRESSED], message(f"smtplib {method}", to))
            expect(list(refused) == [SUPPRESSED], f"refused: {refused}")
            code, text = refused[SUPPRESSED]
            expect(code == 550 and text.startswith(b"5.7.1") and b"manual" in text, f"a suppressed recipient: {code} {text}")
        got = receiver.wait(f"smtplib {method}", to)
        fields = email.message_from_string(got[0]["content"])
        expect("by gateway.sandbox.test" in fields["Received"] and "ESMTPA" in fields["Received"], f"Received: {fields['Received']}")
        expect(fields["Message-ID"] and fields["Date"], f"Message-ID and Date were not added: {got[0]['content']}")


def strangers(lab, at):
    """A wrong password, no password, and a key of somewhere else: no mail goes anywhere."""
    for user, password in (("apikey", "wrong"), ("root", "wrong"), ("apikey", lab.env["WINNOW_API_KEY"][:-1] + "x")):
        with smtplib.SMTP(*at) as client:
            code, text = refusal(lambda: client.login(user, password))
            expect(code == 535 and text.startswith(b"5.7.8"), f"login of {user}: {code} {text}")
            code, _ = refusal(lambda: client.sendmail(SENDER, ["ada@acme.deliverable.test"], message("relayed", ["ada"])))
            expect(code == 530, f"after a failed login: {code}")
    with smtplib.SMTP(*at) as client:
        code, text = refusal(lambda: client.sendmail(SENDER, ["ada@acme.deliverable.test"], message("relayed", ["ada"])))
        expect(code == 530 and b"authentication" in text, f"an open relay? {code} {text}")
        # The classical relay tests.
        for recipient in ("ada%acme.deliverable.test@gateway.sandbox.test", "@gateway.sandbox.test:ada@acme.deliverable.test",
                          '"ada@acme.deliverable.test"@gateway.sandbox.test', "acme.deliverable.test!ada@gateway.sandbox.test"):
            client.ehlo_or_helo_if_needed()
            client.mail("")
            code, _ = client.rcpt(recipient)
            expect(code >= 500, f"relays to {recipient}: {code}")
            client.rset()


def bounce(lab, at, key, receiver):
    """A recipient whose server refuses: the submitter gets a delivery status notification that says so."""
    with smtplib.SMTP(*at) as client:
        client.login("apikey", key)
        client.sendmail(SENDER, ["unknown-7@acme.deliverable.test"], message("to nobody", ["unknown-7"]))

    def reports():
        lines = receiver.lines()
        return [m for m in lines if m["to"] == [SENDER] and m["from"] == ""]

    report = wait_for("the bounce to the submitter", reports, 30)[0]
    parsed = email.message_from_string(report["content"])
    expect(parsed.get_content_type() == "multipart/report" and parsed.get_param("report-type") == "delivery-status",
           f"not a DSN: {report['content']}")
    text = report["content"]
    for words in ("Action: failed", "unknown-7@acme.deliverable.test", "Status: 5.1.1", "Subject: to nobody"):
        expect(words in text, f"the DSN lacks {words!r}:\n{text}")
    waiting = ("queued", "held", "in_flight")
    wait_for("the queue to be empty", lambda: not any(lab.api("GET", "/queue")[state] for state in waiting))
    expect(len(reports()) == 1, "more than one bounce for one message")


def with_curl(lab, at, key, receiver):
    if not shutil.which("curl"):
        return skip("there is no curl")
    path = lab.dir / "curl.eml"
    path.write_text(message("from curl", ["ada@acme.deliverable.test"]))

    def curl(password):
        return subprocess.run(["curl", "-sS", f"smtp://{at[0]}:{at[1]}/app.test", "--mail-from", SENDER, "--mail-rcpt",
                               "ada@acme.deliverable.test", "--user", f"apikey:{password}", "-T", path],
                              capture_output=True, text=True, timeout=60)
    done = curl(key)
    expect(done.returncode == 0, f"curl: {done}")
    receiver.wait("from curl", ["ada@acme.deliverable.test"])
    expect(curl("wrong").returncode == 67, "curl with a wrong password was not refused")  # CURLE_LOGIN_DENIED


NODE = """
const nodemailer = require('nodemailer');
const transport = nodemailer.createTransport({host: process.env.HOST, port: Number(process.env.PORT), secure: false,
  tls: {rejectUnauthorized: false}, auth: {user: 'apikey', pass: process.env.KEY}});
transport.sendMail({from: 'Shop <shop@inbox.deliverable.test>', to: process.env.TO.split(','), subject: 'from Nodemailer',
  text: 'thanks', html: '<p>thanks \\u2713</p>', attachments: [{filename: 'bill.txt', content: 'x'.repeat(100000)}]})
  .then(info => console.log(JSON.stringify({accepted: info.accepted, rejected: info.rejected, errors: (info.rejectedErrors || []).map(e => e.response)})))
  .catch(error => { console.error(error); process.exit(1); });
"""


def with_nodemailer(lab, at, key, receiver):
    if not shutil.which("node") or not shutil.which("npm"):
        return skip("there is no node and npm")
    modules = ROOT / "build" / "e2e-node"
    if not (modules / "node_modules" / "nodemailer").is_dir():
        modules.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", modules, "nodemailer"],
                                  capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return skip("npm does not get Nodemailer in time")
        if done.returncode != 0:
            return skip(f"npm cannot install Nodemailer: {done.stderr.strip()[:200]}")
    script = modules / "send.js"
    script.write_text(NODE)
    done = subprocess.run(["node", script], capture_output=True, text=True, timeout=60, env={
        **os.environ, "HOST": at[0], "PORT": str(at[1]), "KEY": key, "TO": f"ada@acme.deliverable.test,{SUPPRESSED}"})
    expect(done.returncode == 0, f"Nodemailer: {done.stderr}")
    told = json.loads(done.stdout)
    expect(told["accepted"] == ["ada@acme.deliverable.test"] and told["rejected"] == [SUPPRESSED], f"Nodemailer: {told}")
    expect("5.7.1" in told["errors"][0], f"Nodemailer does not hear why: {told}")
    mail = email.message_from_string(receiver.wait("from Nodemailer", ["ada@acme.deliverable.test"])[0]["content"])
    parts = {p.get_content_type(): p for p in mail.walk()}
    files = [p for p in mail.walk() if p.get_filename() == "bill.txt"]
    expect(files and files[0].get_payload(decode=True) == b"x" * 100000, f"the attachment is damaged: {list(parts)}")


def drained(lab, at, key, receiver, server):
    """SIGTERM in the middle of a transaction: the transaction ends well, idle sessions are told to go, nothing new is taken."""
    def session(where):
        client = smtplib.SMTP(*where, timeout=30)
        client.ehlo("app.test")
        return client
    idle = [session(at), session(lab.bounce_at)]
    client = smtplib.SMTP(*at, timeout=30)
    client.login("apikey", key)
    client.mail(SENDER)
    client.rcpt("ada@acme.deliverable.test")
    server.terminate()
    for waiting in idle:
        code, text = waiting.getreply()  # without a command: the server speaks first
        expect(code == 421 and text.startswith(b"4.3.2"), f"an idle session during the drain: {code} {text}")
        expect(waiting.file.readline() == b"", "an idle session stays open behind its 421")
        waiting.close()

    def closed():
        with socket.socket() as s:
            s.settimeout(0.5)
            return s.connect_ex(at) != 0
    wait_for("the listener to close", closed, 10)
    code, text = client.data(message("in the last moment", ["ada@acme.deliverable.test"]))
    expect(code == 250, f"a transaction during the drain: {code} {text}")
    code, text = client.mail(SENDER)
    expect(code == 421 and text.startswith(b"4.3.2"), f"the next transaction during the drain: {code} {text}")
    client.close()
    expect(server.wait(timeout=15) == 0, f"exit code {server.returncode} on SIGTERM")  # half of drain_timeout: nobody is waited for


def secured(lab, config_text):
    """With a certificate, AUTH is offered only after STARTTLS, and works."""
    if not shutil.which("openssl"):
        return skip("there is no openssl to make a certificate with")
    cert, key_file = lab.dir / "cert.pem", lab.dir / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key_file, "-out", cert, "-days", "2",
                    "-subj", "/CN=gateway.sandbox.test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    config = lab.config(config_text + f'submission.cert_file = "{cert}"\nsubmission.tls_key_file = "{key_file}"\n', "tls")
    server = lab.serve(config, lab.http_at, "serve-tls")
    context = ssl.create_default_context(cafile=cert)
    with smtplib.SMTP(*lab.submission_at) as client:
        client.ehlo("app.test")
        expect(client.has_extn("starttls") and not client.has_extn("auth"), f"before STARTTLS: {client.esmtp_features}")
        code, _ = client.docmd("AUTH", "PLAIN AGFwaWtleQB4")
        expect(code >= 500, f"AUTH in clear: {code}")
        client.starttls(context=context)
        client.ehlo("app.test")
        expect(client.has_extn("auth") and not client.has_extn("starttls"), f"after STARTTLS: {client.esmtp_features}")
        client.login("apikey", lab.env["WINNOW_API_KEY"])
        client.sendmail(SENDER, ["bob@acme.deliverable.test"], message("over TLS", ["bob@acme.deliverable.test"]))
    return server


def story(lab: Lab):
    """Unmodified mail programs submit with an API key; nobody else can; refused recipients do not stop the others."""
    log = lab.dir / "mail.ndjson"
    lab.sandbox("--mail-log", log)
    config = lab.gateway_config()
    key, at, receiver = lab.api_key(config), lab.submission_at, Receiver(log)
    server = lab.serve(config, lab.http_at)
    lab.api("POST", "/suppressions", {"address": SUPPRESSED, "reason": "manual"})
    with_smtplib(lab, at, key, receiver)
    strangers(lab, at)
    bounce(lab, at, key, receiver)
    with_curl(lab, at, key, receiver)
    with_nodemailer(lab, at, key, receiver)
    drained(lab, at, key, receiver, server)

    secure = secured(lab, config.read_text())
    if not secure:
        secure = lab.serve(config, lab.http_at, "serve-again")
    else:
        got = receiver.wait("over TLS", ["bob@acme.deliverable.test"])
        expect("ESMTPSA" in got[0]["content"].split("\r\n\r\n")[0], "Received does not tell that it came over TLS")
    receiver.wait("in the last moment", ["ada@acme.deliverable.test"])  # accepted while draining, sent by the next start at the latest
    expect(not receiver.mails("relayed"), "something was relayed for a stranger")
    everybody = {r for line in log.read_text().splitlines() for r in json.loads(line)["to"]}
    expect(SUPPRESSED not in everybody, "a suppressed recipient got mail")
    expect(lab.stop(secure) == 0, "winnow serve did not end with 0 on SIGTERM")


if __name__ == "__main__":
    main(story)
