"""Too many connections, an upload that is torn, and a receiver that stalls while winnow is told to end: the server stays reachable and loses nothing."""
import contextlib
import json
import smtplib
import socket
import time
import urllib.error
import urllib.request

from harness import Lab, expect, main, wait_for

HTTP_SESSIONS, BOUNCE_SESSIONS = 500, 100  # http.max_connections, and bounce.max_connections of this story
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


def hold(open_ones, at, count, says=b""):
    """`count` connections that stay open and end nothing that they begin."""
    for _ in range(count):
        idle = open_ones.enter_context(socket.socket())
        idle.connect(at)
        idle.sendall(says)


def greeting(at, source):
    with socket.create_connection(at, timeout=10, source_address=(source, 0)) as client:
        return client.recv(200)[:3]


def flood(lab):
    """More connections than there is room for: who asks is served, and one door does not suffer for another."""
    with contextlib.ExitStack() as open_ones:
        hold(open_ones, lab.http_at, HTTP_SESSIONS + 10, b"GET /health/live HTTP/1.1\r\nHost: x\r\n")
        expect(status(lab) == 200, "halves of requests shut the server")
        hold(open_ones, lab.bounce_at, BOUNCE_SESSIONS)
        wait_for("a refusal of one bounce too many", lambda: greeting(lab.bounce_at, "127.0.0.1") == b"421", 20)
        with smtplib.SMTP(*lab.submission_at, timeout=10) as client:
            expect(client.noop()[0] == 250, "submission suffers from a flood of the bounce port")
        expect(status(lab, "/health/ready") == 200, "the API suffers from a flood of the bounce port")
    wait_for("the bounce port to be open after the flood", lambda: greeting(lab.bounce_at, "127.0.0.1") == b"220", 20)


def torn_upload(lab, config, key, server):
    """Killed in the middle of an upload: the next start removes what is there of the list."""
    with socket.create_connection(lab.http_at, timeout=10) as client:
        client.sendall(f"POST /api/v1/lists HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\n"
                       "Content-Length: 100000000\r\n\r\nemail\n".encode())
        client.sendall(b"".join(b"p%d@acme.deliverable.test\n" % n for n in range(100_000)))
        lists = wait_for("the first rows to be stored", lambda: lab.api("GET", "/lists")["lists"])
        expect(not lists[0]["complete"], f"a list before its upload ended: {lists}")
        server.kill()
        server.wait(timeout=10)
    server = lab.serve(config, lab.http_at, "serve-after-kill")
    expect(lab.api("GET", "/lists")["lists"] == [], "the half of a list outlived the restart")
    return server


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
    expect("drain_timeout is over" in lab.log(server.name), "nothing tells why the drain was cut short")

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
    """A flood of connections shuts no other door, a torn upload leaves nothing, and a stalled receiver neither keeps winnow alive nor loses the message."""
    lab.sandbox("--mail-log", lab.dir / "mail.ndjson")
    config = lab.gateway_config(f'drain_timeout = "1s"\nbounce.max_connections = {BOUNCE_SESSIONS}')
    key = lab.api_key(config)
    server = lab.serve(config, lab.http_at)
    flood(lab)
    server = torn_upload(lab, config, key, server)
    stalled(lab, config, key, server)


if __name__ == "__main__":
    main(story)
