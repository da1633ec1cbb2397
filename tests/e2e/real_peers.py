"""Real mail servers on loopback, each with a habit of its own, and the verdict that each address deserves."""
import csv
import os
import shutil
import subprocess

from harness import Lab, Skipped, answers, expect, free_port, main, skip, wait_for

GREYLIST = 20  # seconds, of postgrey
IPS = {name: f"127.0.1.{i}" for i, name in enumerate(
    ("plain", "grey", "screen", "verified", "tls", "quota", "exim", "opensmtpd"), start=1)}
GOOD, GONE = ("deliverable", "accepted"), ("undeliverable", "mailbox_not_found")
FULL, CATCH_ALL = ("risky", "mailbox_full"), ("risky", "catch_all")


def usual(domain):
    """What a domain that knows its mailboxes deserves."""
    return {f"ada@{domain}": GOOD, f"bob@{domain}": GOOD, f"nobody@{domain}": GONE, f"gone@{domain}": GONE}


def postgrey(lab):
    """A greylisting server as Debian ships it, but impatient."""
    if not os.path.exists("/usr/sbin/postgrey"):
        raise Skipped("postgrey is not installed; run scripts/install-deps")
    folder = lab.dir / "postgrey"
    folder.mkdir()
    shutil.chown(folder, "nobody", "nogroup")
    port = free_port()
    lab.spawn("postgrey", "/usr/sbin/postgrey", f"--inet=127.0.0.1:{port}", f"--delay={GREYLIST}", f"--dbdir={folder}",
              "--user=nobody", "--group=nogroup", "--hostname=grey.peers.test")
    wait_for("postgrey to listen", lambda: answers("127.0.0.1", port))
    return port


def certificate(lab):
    key, cert = lab.dir / "tls.key", lab.dir / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=mx.tls.test", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


def postfix(lab, port):
    """One Postfix with a listener for each habit."""
    names = ("plain", "grey", "screen", "verified", "tls", "quota")
    grey = postgrey(lab)
    key, cert = certificate(lab)
    quota = lab.dir / "quota"
    quota.write_text("full@quota.test 452 4.2.2 Mailbox is full\nover@quota.test 552 5.2.2 Mailbox is full / Blocks limit exceeded\n")
    no_relay = "smtpd_recipient_restrictions=reject_unauth_destination"

    def listener(name, *settings, program="smtpd", limit="-"):
        return f"{IPS[name]}:{port} inet n - n - {limit} {program}" + "".join(f" -o {s}" for s in settings)
    services = [
        listener("plain", no_relay),
        listener("grey", f"{no_relay},check_policy_service,inet:127.0.0.1:{grey}"),
        listener("screen", "postscreen_access_list=", "postscreen_greet_wait=1s", "postscreen_greet_action=enforce",
                 "postscreen_pipelining_enable=yes", "postscreen_non_smtp_command_enable=yes", program="postscreen", limit="1"),
        "smtpd pass - - n - - smtpd", "dnsblog unix - - n - 0 dnsblog", "tlsproxy unix - - n - 0 tlsproxy",
        # Each recipient is tried inside first; until that has an answer, RCPT is deferred.
        listener("verified", f"{no_relay},reject_unverified_recipient", "smtpd_reject_unlisted_recipient=no",
                 "unverified_recipient_reject_code=550", "address_verify_poll_count=1"),
        listener("tls", no_relay, "smtpd_tls_security_level=encrypt", f"smtpd_tls_key_file={key}", f"smtpd_tls_cert_file={cert}"),
        listener("quota", f"{no_relay},check_recipient_access,texthash:{quota}"),
    ]
    users = [f"{user}@{name}.test" for name in names for user in ("ada", "bob")] + ["full@quota.test", "over@quota.test"]
    lab.postfix("postfix", {"smtpd_peername_lookup": "no"}, virtual=users, services=services)
    truth = {address: verdict for name in names for address, verdict in usual(f"{name}.test").items()}
    return truth | {"full@quota.test": FULL, "over@quota.test": FULL}


def accounts(root, **ids):
    """Users and groups of a jail."""
    ids = {"root": 0, **ids}
    (root / "etc" / "passwd").write_text("".join(f"{n}:x:{i}:{i}::/var/empty:/bin/false\n" for n, i in ids.items()))
    (root / "etc" / "group").write_text("".join(f"{n}:x:{i}:\n" for n, i in ids.items()))


def exim(lab, port):
    """Exim: a catch-all, and a domain whose mailboxes have a quota that is checked at RCPT."""
    root = lab.jail("exim4-daemon-light", "/usr/sbin/exim4")
    uid = 900
    accounts(root, **{"Debian-exim": uid})
    for folder in ("var/spool/exim4", "var/log/exim4", "var/mail"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        shutil.chown(root / folder, uid, uid)
    (root / "var/mail/full").write_bytes(b"x" * 200_000)
    shutil.chown(root / "var/mail/full", uid, uid)
    conf = root / "etc/exim4/exim4.conf"
    conf.parent.mkdir(exist_ok=True)
    conf.write_text(f"""
keep_environment =
primary_hostname = mx.exim.test
local_interfaces = {IPS['exim']}.{port}
tls_advertise_hosts =
host_lookup =
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  deny    !domains = known.exim.test : everybody.exim.test
          message = relay not permitted
  require verify = recipient
  deny    !verify = recipient/quota
          message = Mailbox quota exceeded for $local_part@$domain
  accept
begin routers
everybody:
  driver = accept
  domains = everybody.exim.test
  transport = mailbox
known:
  driver = accept
  domains = known.exim.test
  local_parts = ada : bob : full
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  file = /var/mail/$local_part
  user = Debian-exim
  group = Debian-exim
  quota = 100K
  check_owner = false
""")
    lab.spawn("exim", "chroot", root, "/usr/sbin/exim4", "-bdf")
    wait_for("Exim to listen", lambda: answers(IPS["exim"], port))
    return {**usual("known.exim.test"), "full@known.exim.test": FULL, "ada@everybody.exim.test": CATCH_ALL,
            "nobody@everybody.exim.test": CATCH_ALL}


def opensmtpd(lab, port):
    """OpenSMTPD with virtual users."""
    root = lab.jail("opensmtpd", "/usr/sbin/smtpd", "/usr/sbin/smtpctl")
    accounts(root, opensmtpd=901, opensmtpq=902, vmail=903)
    for folder, mode in (("var/empty", 0o755), ("var/lib/opensmtpd/empty", 0o755), ("var/spool/smtpd", 0o711)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).chmod(mode)
    (root / "etc/resolv.conf").touch()
    (root / "etc/smtpd.conf").write_text(f"""
table people {{ "ada@open.test" = "vmail", "bob@open.test" = "vmail" }}
listen on {IPS['opensmtpd']} port {port} hostname mx.open.test
action "in" maildir "/var/mail/%{{rcpt.user}}" virtual <people>
match from any for domain "open.test" action "in"
""")
    lab.spawn("opensmtpd", "chroot", root, "/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf")
    wait_for("OpenSMTPD to listen", lambda: answers(IPS["opensmtpd"], port))
    return usual("open.test")


def story(lab: Lab):
    """Postfix, postgrey, postscreen, Exim and OpenSMTPD: each address has the verdict that it deserves."""
    port = free_port(*IPS.values())
    truth = {}
    for server in (postfix, exim, opensmtpd):
        try:
            truth |= server(lab, port)
        except Skipped as reason:
            skip(f"{server.__name__}: {reason}")
    if not truth:
        raise Skipped("no real server can be started here")
    hosts = {f"{name}.test": ip for name, ip in IPS.items() if name not in ("exim", "opensmtpd")}
    hosts |= {"known.exim.test": IPS["exim"], "everybody.exim.test": IPS["exim"], "open.test": IPS["opensmtpd"]}
    zone = "".join(f"{d.removesuffix('.test')} MX 10 mx.{d.removesuffix('.test')}\nmx.{d.removesuffix('.test')} A {ip}\n" for d, ip in hosts.items())
    dns = lab.nsd({"test": zone + "probe A 127.0.0.1\nprobe MX 10 probe\n"})

    listed, out = lab.dir / "list.csv", lab.dir / "out.csv"
    listed.write_text("\n".join(["email", *truth, ""]))
    done = lab.try_run("verify", listed, "-o", out, "--dns", dns, "--smtp-port", port, "--allow-private", "--fast",
                       "--helo", "probe.test", "--mail-from", "probe@probe.test", "--deadline", "90s", patience=150)
    expect(done.code == 0, f"verify: {done.err}")
    got = {r["email"]: (r["winnow_verdict"], r["winnow_reason"]) for r in csv.DictReader(out.open(newline=""))}
    wrong = [f"{a}: is {'/'.join(v)}, got {'/'.join(got[a])}" for a, v in truth.items() if got[a] != v]
    print(f"score truth/real_peers: {len(truth) - len(wrong)}/{len(truth)} ({100 * (1 - len(wrong) / len(truth)):.1f} %)")
    expect(not wrong, "verdicts that real servers do not deserve:\n" + "\n".join(wrong))
    expect(not any((lab.dir / "postfix" / "mail").rglob("new/*")), "a probe left mail behind")


if __name__ == "__main__":
    main(story)
