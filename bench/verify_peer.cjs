// Runs npm deep-email-validator over a list, against the mail hosts of a sandbox.
//
//     node bench/verify_peer.cjs MODULES ADDRESSES DNS_PORT SMTP_PORT CONCURRENCY
//
// MODULES is the node_modules folder with an unmodified deep-email-validator. It asks port 25 and the system's resolver:
// both are pointed at the sandbox from outside, nothing of the package is changed. One line a result: address,valid,reason.
const dns = require("dns");
const fs = require("fs");
const net = require("net");
const path = require("path");

const [modules, list, dnsPort, smtpPort, concurrency] = process.argv.slice(2);
dns.setServers([`127.0.0.1:${dnsPort}`]);
const known = new Map(); // as the system's resolver would, which keeps answers
dns.lookup = (host, options, callback) => {
  const done = typeof options === "function" ? options : callback;
  const all = typeof options === "object" && options.all;
  const answer = (ip) => (all ? done(null, [{ address: ip, family: 4 }]) : done(null, ip, 4));
  if (known.has(host)) return process.nextTick(answer, known.get(host));
  dns.resolve4(host, (error, found) => {
    if (error) return done(error);
    known.set(host, found[0]);
    answer(found[0]);
  });
};
const connect = net.createConnection;
net.createConnection = (port, host, ...rest) => connect({ port: port === 25 ? Number(smtpPort) : port, host }, ...rest);

const { validate } = require(path.join(modules, "deep-email-validator"));
const addresses = fs.readFileSync(list, "utf8").split("\n").slice(1).map((line) => line.split(",")[0]).filter(Boolean);
let next = 0;
const out = [];

async function work() {
  while (next < addresses.length) {
    const email = addresses[next++];
    try {
      const answer = await validate({ email, sender: "probe@sandbox.test" });
      out.push(`${email},${answer.valid},${answer.reason || ""}`);
    } catch (error) {
      out.push(`${email},,${error.code || "error"}`);
    }
  }
}

Promise.all(Array.from({ length: Number(concurrency) }, work)).then(() => process.stdout.write(out.join("\n") + "\n"));
