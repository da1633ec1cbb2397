"""Too many connections, and a receiver that stalls while winnow is told to end: the server stays reachable and loses nothing."""
import contextlib
import json
import smtplib
import socket
import time
import urllib.error
import urllib.request

from harness import Lab, expect, main, wait_for

HTTP_SESSIONS = 500  # docs/limits.md
SENDER = "shop@shop.deliverable.test"


def status(lab, path="/health/live"):
    """The HTTP status, or None when the connection is cut without one."""
    try:
        with urllib.request.urlopen(f"{lab.env['WINNOW_SERVER']}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


def flood(lab):
    """Idle connections up to the cap and beyond: who comes next hears 503, and after them all is well."""
    with contextlib.ExitStack() as open_ones:
        for _ in range(HTTP_SESSIONS):
            idle = open_ones.enter_context(socket.socket())
            idle.connect(lab.http_at)
            idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n")  # a request that never ends
        wait_for("a 503 for one connection too many", lambda: status(lab) == 503, 20)
        # The other door is not shut by it.
        with smtplib.SMTP(*lab.submission_at, timeout=10) as client:
            expect(client.noop()[0] == 250, "submission suffers from a flood of HTTP connections")
    wait_for("the server to answer after the flood", lambda: status(lab) == 200, 20)


def stalled(lab, config, key, server):
    """Told to end while a receiver takes its time: winnow leaves when drain_timeout is over, and the next start sends the message."""
    with smtplib.SMTP(*lab.submission_at) as client:
        client.login("apikey", key)
        client.sendmail(SENDER, ["ada@acme.slow.test"], f"From: {SENDER}\r\nSubject: slowly\r\n\r\nhello\r\n")
    wait_for("the message to be under way", lambda: lab.api("GET", "/queue")["in_flight"] == 1)
    server.terminate()
    began = time.monotonic()
    code = server.wait(timeout=30)
    took = time.monotonic() - began
    expect(code == 1 and took < 10, f"ended with {code} after {took:.1f} s; drain_timeout is 1 s")
    expect("drain_timeout is over" in lab.log("serve"), "nothing tells why the drain was cut short")

    lab.serve(config, lab.http_at, "serve-again")
    # The log is written behind the listener's back.
    lines = wait_for("the line of the opened store", lambda: [
        line for line in lab.log("serve-again").splitlines() if '"storage.opened"' in line])
    opened = json.loads(lines[0])
    expect(opened["in_flight_at_last_end"] == 1, f"the message under way was forgotten: {opened}")
    mails = lab.dir / "mail.ndjson"
    wait_for("the message to arrive", lambda: mails.exists() and b"Subject: slowly" in mails.read_bytes())
    wait_for("the queue to be empty", lambda: not any(lab.api("GET", "/queue")[s] for s in ("queued", "held", "in_flight")))


def story(lab: Lab):
    """A flood of connections shuts no other door; a stalled receiver neither keeps winnow alive nor loses the message."""
    lab.sandbox("--mail-log", lab.dir / "mail.ndjson")
    config = lab.gateway_config('drain_timeout = "1s"')
    key = lab.api_key(config)
    server = lab.serve(config, lab.http_at)
    flood(lab)
    stalled(lab, config, key, server)


if __name__ == "__main__":
    main(story)
