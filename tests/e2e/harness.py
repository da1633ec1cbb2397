"""Shared parts of the whole-program stories: a scratch folder, free ports, real servers, the winnow program.

Every story is one file with a `story(lab)` function, run as `python3 tests/e2e/STORY.py WINNOW_PROGRAM`. It ends with the
line `ok: ...` and exit code 0, or with what was expected and what was seen.
"""
import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds; a bound for waiting on real servers, never a fixed sleep


STRICT = os.environ.get("WINNOW_STRICT") == "1"  # a story that cannot be told fails: for machines that have everything (CI)
DEPTH = max(1, int(os.environ.get("WINNOW_DEPTH", "3")))  # how often stories with random moments repeat them

Done = collections.namedtuple("Done", "code out err")


class Failed(Exception):
    """What was expected did not happen."""


class Skipped(Exception):
    """The story cannot be told here."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def wait_for(what, probe, patience=PATIENCE):
    """Polls `probe` until it gives something true; fails with `what` when that takes too long."""
    end = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.05)


def free_port(*ips):
    """A port that is free on all of these addresses; of 127.0.0.1 when none is named."""
    first, *others = ips or ("127.0.0.1",)
    for _ in range(50):
        with contextlib.ExitStack() as held:
            def bind(ip, port):
                s = held.enter_context(contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)))
                s.bind((ip, port))
                return s.getsockname()[1]
            try:
                port = bind(first, 0)
                for ip in others:
                    bind(ip, port)
                return port
            except OSError:
                continue
    raise Failed(f"no port is free on all of {', '.join(ips)}")


def answers(ip, port):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as s:
        s.settimeout(0.5)
        return s.connect_ex((ip, port)) == 0


class Lab:
    def __init__(self, winnow):
        self.winnow = str(pathlib.Path(winnow).resolve())
        # Postfix's daemons run as other users: the folder must be passable for them.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="winnow-e2e-"))
        self.dir.chmod(0o755)
        self.processes = []
        self.env = dict(os.environ)

    def spawn(self, name, *argv, **kwargs):
        log = open(self.dir / f"{name}.log", "ab")
        process = subprocess.Popen([str(a) for a in argv], stdout=kwargs.pop("stdout", log), stderr=log, **kwargs)
        process.name = name
        self.processes.append(process)
        return process

    def run(self, *args, code=0, input=None, env=None):
        """Runs winnow and returns its standard output; fails unless it exits with `code`."""
        try:
            done = subprocess.run([self.winnow, *map(str, args)], capture_output=True, text=True, input=input,
                                  env={**self.env, **(env or {})}, timeout=PATIENCE * 3)
        except subprocess.TimeoutExpired as expired:
            raise Failed(f"winnow {' '.join(map(str, args))} still runs after {PATIENCE * 3:.0f} s\n{expired.stderr}")
        if code is not None and done.returncode != code:
            raise Failed(f"winnow {' '.join(map(str, args))} exited with {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        self.last_stderr = done.stderr
        return done.stdout

    def try_run(self, *args, input=None, env=None, prefix=(), patience=PATIENCE, **kwargs):
        """Runs winnow, whatever comes of it; `prefix` is a command in front of it (setpriv). Output is octets, errors are text."""
        argv = [*prefix, self.winnow, *map(str, args)]
        stdout = kwargs.pop("stdout", subprocess.PIPE)
        try:
            done = subprocess.run(argv, stdout=stdout, stderr=subprocess.PIPE, input=input, timeout=patience,
                                  stdin=None if input is not None else subprocess.DEVNULL, env={**self.env, **(env or {})}, **kwargs)
        except subprocess.TimeoutExpired:
            raise Failed(f"{' '.join(argv)} still runs after {patience:.0f} s")
        return Done(done.returncode, done.stdout or b"", done.stderr.decode(errors="replace"))

    def log(self, name):
        path = self.dir / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self, process, how=signal.SIGTERM, patience=30):
        if process.poll() is None:
            process.send_signal(how)
            process.wait(timeout=patience)
        return process.returncode

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- DNS by nsd

    def nsd(self, zones):
        """Serves zones {name: text} on loopback; returns HOST:PORT."""
        folder = self.dir / "nsd"
        folder.mkdir()
        port = free_port()
        conf = ["server:", f"  ip-address: 127.0.0.1@{port}", '  username: ""', f'  zonesdir: "{folder}"', '  database: ""',
                f'  pidfile: "{folder}/nsd.pid"', f'  xfrdfile: "{folder}/xfrd.state"', f'  zonelistfile: "{folder}/zone.list"',
                f'  logfile: "{self.dir}/nsd.log"', "  hide-version: yes", "  server-count: 1", "remote-control:", "  control-enable: no"]
        for name, text in zones.items():
            path = folder / f"{name}.zone"
            path.write_text(f"$ORIGIN {name}.\n$TTL 300\n@ SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 60\n@ NS ns.{name}.\nns A 127.0.0.1\n{text}")
            conf += ["zone:", f'  name: "{name}"', f'  zonefile: "{path}"']
        (folder / "nsd.conf").write_text("\n".join(conf) + "\n")
        self.spawn("nsd", "/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf")
        wait_for("nsd to listen", lambda: answers("127.0.0.1", port))
        return f"127.0.0.1:{port}"

    # --- mail by Postfix

    def postfix(self, name, main, virtual=None, at=None, services=()):
        """Starts a Postfix of its own in the foreground; returns (port, folder). `virtual` = addresses with a Maildir, `at` = the
        port, `services` = more lines of master.cf."""
        if os.geteuid() != 0:
            raise Skipped("Postfix starts only as root; run the tests as root or in a container")
        folder = self.dir / name
        conf, queue, data, mail = folder / "etc", folder / "spool", folder / "data", folder / "mail"
        for d in (conf, queue, data, mail):
            d.mkdir(parents=True)
        shutil.chown(data, "postfix")
        shutil.chown(mail, "nobody", "nogroup")
        port = at or free_port()
        settings = {
            "compatibility_level": "3.6", "queue_directory": queue, "data_directory": data, "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix", "setgid_group": "postdrop",
            "maillog_file": "/dev/stdout", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mydestination": "",
            "mynetworks": "127.0.0.0/8", "myhostname": f"{name}.test", "alias_maps": "", "local_recipient_maps": "",
            "smtpd_tls_security_level": "none", "smtp_tls_security_level": "none", "local_transport": "error:no local mail here",
            "in_flow_delay": "0", "smtputf8_enable": "no", "biff": "no", **main,
        }
        if virtual is not None:
            (conf / "virtual").write_text("".join(f"{a} {a.replace('@', '/at/')}/\n" for a in virtual))
            settings |= {
                "virtual_mailbox_domains": " ".join(sorted({a.split("@")[1] for a in virtual})),
                "virtual_mailbox_base": mail, "virtual_mailbox_maps": f"texthash:{conf}/virtual", "virtual_minimum_uid": "1",
                "virtual_uid_maps": f"static:{subprocess.check_output(['id', '-u', 'nobody'], text=True).strip()}",
                "virtual_gid_maps": f"static:{subprocess.check_output(['id', '-g', 'nobody'], text=True).strip()}",
            }
        (conf / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
        services = [
            f"127.0.0.1:{port} inet n - n - - smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify", "flush unix n - n 1000? 0 flush",
            "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "relay unix - - n - - smtp", "error unix - - n - - error",
            "retry unix - - n - - error", "discard unix - - n - - discard", "virtual unix - n n - - virtual", "lmtp unix - - n - - lmtp",
            "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd", "showq unix n - n - - showq",
            "tlsmgr unix - - n 1000? 1 tlsmgr", *services,
        ]
        (conf / "master.cf").write_text("\n".join(services) + "\n")
        self.spawn(name, "/usr/sbin/postfix", "-c", conf, "start-fg")
        wait_for(f"Postfix {name} to listen", lambda: answers("127.0.0.1", port))
        return port, folder

    # --- servers that cannot be installed beside Postfix

    def jail(self, package, *programs):
        """A folder to chroot into with a package that scripts/unpack-peers unpacked, and the libraries of its programs."""
        if os.geteuid() != 0:
            raise Skipped(f"{package} starts only as root; run the tests as root or in a container")
        unpacked = ROOT / "build" / "peers" / package
        if not unpacked.is_dir():
            raise Skipped(f"{unpacked} is not there; run scripts/unpack-peers")
        root = self.dir / package
        shutil.copytree(unpacked, root, symlinks=True)
        for program in programs:
            listed = subprocess.check_output(["ldd", f"{root}{program}"], text=True)
            missing = [line.split()[0] for line in listed.splitlines() if "not found" in line]
            expect(not missing, f"{package} needs libraries that are not installed: {', '.join(missing)}")
            for library in (word for line in listed.splitlines() for word in line.split() if word.startswith("/")):
                copy = pathlib.Path(f"{root}{library}")
                copy.parent.mkdir(parents=True, exist_ok=True)
                if not copy.exists():
                    shutil.copy(library, copy)
        for folder in ("dev", "etc", "run", "tmp", "var/run"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for device, minor in (("null", 3), ("urandom", 9)):
            os.mknod(root / "dev" / device, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            os.chmod(root / "dev" / device, 0o666)
        (root / "etc" / "services").write_text("smtp 25/tcp\n")
        return root

    @staticmethod
    def maildir(folder, address):
        local, domain = address.split("@")
        new = folder / "mail" / local / "at" / domain / "new"
        return sorted(new.iterdir()) if new.is_dir() else []

    # --- winnow

    def sandbox(self, *args):
        """Starts a sandbox internet on free ports; its ports are in self.dns and self.smtp_port."""
        process = self.spawn("sandbox", self.winnow, "sandbox", "--dns-listen", "127.0.0.1:0", "--smtp-port", "0", "--json", *args,
                             stdout=subprocess.PIPE)
        line = process.stdout.readline()
        expect(line, f"the sandbox does not start:\n{self.log('sandbox')}")
        self.dns, self.smtp_port = (json.loads(line)[k] for k in ("dns", "smtp_port"))
        return process

    def sandbox_flags(self):
        """What a command without configuration needs to live in the sandbox."""
        return ["--dns", self.dns, "--smtp-port", str(self.smtp_port), "--allow-private", "--fast", "--helo", "probe.sandbox.test",
                "--mail-from", "probe@bounce.sandbox.test"]

    def gateway_config(self, extra="", name="winnow"):
        """A configuration for a gateway in the sandbox, on free ports; sets self.http_at, self.submission_at, self.bounce_at."""
        self.http_at, self.submission_at, self.bounce_at = (("127.0.0.1", free_port()) for _ in range(3))
        return self.config(f"""
data_dir = "{self.dir}/data"
key_file = "{self.dir}/winnow.key"
http.listen = "127.0.0.1:{self.http_at[1]}"
http.keys_file = "{self.dir}/keys"
submission.listen = "127.0.0.1:{self.submission_at[1]}"
bounce.listen = "127.0.0.1:{self.bounce_at[1]}"
net.dns_servers = ["{self.dns}"]
net.smtp_port = {self.smtp_port}
net.allow_private_targets = true
relay.hostname = "gateway.sandbox.test"
relay.bounce_domain = "bounce.sandbox.test"
verifier.helo_name = "probe.sandbox.test"
verifier.mail_from = "probe@bounce.sandbox.test"
verifier.manners.connections_per_site = 4
verifier.manners.rcpts_per_connection = 100
verifier.manners.between_rcpts = "0ms"
verifier.manners.between_connections = "0ms"
retry.min = "1s"
retry.speedup = 300
{extra}
""", name)

    def api_key(self, config):
        self.env["WINNOW_API_KEY"] = self.run("key", "create", "--config", config, "--name", "e2e", "--probes-per-day", 1_000_000).strip()
        self.env["WINNOW_SERVER"] = "http://%s:%d" % self.http_at
        return self.env["WINNOW_API_KEY"]

    def api(self, method, path, body=None, content_type="application/json"):
        """One request of the HTTP API; gives the JSON answer, fails on any status but 2xx. OSError when nobody answers."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.env['WINNOW_SERVER']}/api/v1{path}", data, method=method, headers={
            "Authorization": f"Bearer {self.env['WINNOW_API_KEY']}", "Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            raise Failed(f"{method} {path} was answered {refused.code}: {refused.read().decode(errors='replace')}")
        return json.loads(text) if text else None

    def config(self, text, name="winnow"):
        path = self.dir / f"{name}.toml"
        path.write_text(text)
        return path

    def serve(self, config, http, name="serve"):
        process = self.spawn(name, self.winnow, "serve", "--config", config)
        wait_for("winnow to listen", lambda: process.poll() is not None or answers(*http))
        expect(process.poll() is None, f"winnow serve ended with {process.returncode}\n{self.log(name)}")
        return process


def main(story):
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} WINNOW_PROGRAM")
    lab = Lab(sys.argv[1])
    try:
        story(lab)
    except Skipped as reason:
        print(f"skipped: {reason}")
        sys.exit(1 if STRICT else 77)
    except Failed as failure:
        print(f"FAILED: {failure}")
        for process in lab.processes:
            lines = [line for line in lab.log(process.name).splitlines() if '"event":"http.request"' not in line]
            print(f"--- {process.name}.log (exit {process.poll()})\n" + "\n".join(lines)[-4000:])
        sys.exit(1)
    finally:
        lab.close()
    print(f"ok: {story.__doc__.strip().splitlines()[0]}")


def skip(why):
    """For a part of a story that this machine cannot play."""
    if STRICT:
        raise Failed(f"WINNOW_STRICT allows no skipped part: {why}")
    print(f"skipped: {why}")


def loads(text):
    return json.loads(text)
