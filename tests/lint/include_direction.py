#!/usr/bin/env python3
"""Rooms include only rooms below them, and each heavy library stays where it is confined.

    app -> api -> { verifier | relay } -> { storage, net, mail } -> core
    app -> sandbox -> { net, mail } -> core
"""

import re
from functools import lru_cache
from pathlib import Path

import lint_common

BELOW = {
    "core": set(),
    "net": {"core"},
    "mail": {"core"},
    "storage": {"core"},
    "verifier": {"storage", "net", "mail", "core"},
    "relay": {"storage", "net", "mail", "core"},
    "sandbox": {"net", "mail", "core"},
    "api": {"verifier", "relay", "storage", "net", "mail", "core"},
    "app": {"api", "sandbox", "verifier", "relay", "storage", "net", "mail", "core"},
}

# library: (what its includes look like, which files may have them). A header of the second kind may be included only
# by files of the same kind.
CONFINED = {
    "OpenSSL": (r"openssl/|boost/asio/ssl", r"core/crypto[^/]*\.cpp|net/tls[^/]*\.(cpp|hpp)|cmake/asio_impl\.cpp"),
    "Beast": (r"boost/beast", r"net/http[^/]*\.cpp|cmake/asio_impl\.cpp"),
    "RocksDB": (r"rocksdb/", r"storage/[^/]*\.cpp|storage/rocks[^/]*\.hpp"),
    "c-ares": (r"ares(_[a-z]+)?\.h$", r"net/cares[^/]*\.(cpp|hpp)"),
    "GMime": (r"gmime/", r"mail/[^/]*\.cpp|mail/gmime[^/]*\.hpp"),
    "GLib": (r"glib", r"core/unicode\.cpp|mail/[^/]*\.cpp|mail/gmime[^/]*\.hpp"),
    "protobuf": (r"google/protobuf/|.*\.pb\.h$", r"storage/[^/]*\.cpp|storage/record[^/]*\.hpp"),
    "nlohmann/json.hpp": (r"nlohmann/json\.hpp$", r".*\.cpp"),
    "spdlog": (r"spdlog/", r"core/log[^/]*\.cpp"),
    "prometheus-cpp": (r"prometheus/", r"core/metrics[^/]*\.cpp"),
    "toml++": (r"toml\+\+/|toml\.hpp$", r"app/config[^/]*\.cpp"),
    "CLI11": (r"CLI/", r"app/cli[^/]*\.cpp"),
    "libpsl, libidn2": (r"libpsl\.h$|idn2\.h$|unicase\.h$|uninorm\.h$", r"core/[^/]*\.cpp"),
    "RE2": (r"re2/", r"core/[^/]*\.cpp"),
    "zlib": (r"zlib\.h$", r"core/gunzip\.cpp"),
}
# Tests and benchmarks may look at what they check.
FREE = ("tests/", "bench/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
ROOT = Path(__file__).resolve().parents[2]


def includes(text):
    text = lint_common.blank(text, keep_strings=True)
    for match in INCLUDE.finditer(text):
        yield lint_common.line_of(text, match.start(1)), match.group(1), match.group(2)


@lru_cache(maxsize=None)
def libraries_of_header(name):
    """The confined libraries that a header of ours includes itself."""
    path = ROOT / name
    if not path.is_file():
        return frozenset()
    found = set()
    for _, _, target in includes(path.read_text(encoding="utf-8", errors="replace")):
        found |= {library for library, (pattern, _) in CONFINED.items() if re.match(pattern, target)}
    return frozenset(found)


def check(path, text):
    room = path.split("/", 1)[0]
    for line, quote, target in includes(text):
        top = target.split("/", 1)[0]
        if quote == '"' and (target.startswith(".") or "/" not in target):
            yield line, f'"{target}": includes are written from the source root'
        if quote == "<" and top in BELOW and (ROOT / target).is_file():
            yield line, f"<{target}>: our own headers are included with quotes"
        if room in BELOW and quote == '"' and "/" in target:
            if top == "tests" or top == "bench":
                yield line, f"{room} includes {target}: the program does not depend on its tests"
            elif top in BELOW and top != room and top not in BELOW[room]:
                yield line, f"{room} may not include {top} ({target})"
        if path.startswith(FREE):
            continue
        for library, (pattern, allowed) in CONFINED.items():
            direct = re.match(pattern, target)
            through = quote == '"' and library in libraries_of_header(target)
            if (direct or through) and not re.fullmatch(allowed, path):
                yield line, f"{target}: {library} is confined to {allowed}"


SAMPLES = [
    ("core/a.cpp", '#include "net/stream.hpp"\n', 1),
    ("core/a.cpp", '// #include "net/stream.hpp"\n#include "core/error.hpp"\n', 0),
    ("net/a.cpp", '#include "storage/engine.hpp"\n', 1),
    ("verifier/a.hpp", '#include "relay/options.hpp"\n', 1),
    ("relay/a.hpp", '#include "verifier/options.hpp"\n', 1),
    ("sandbox/a.hpp", '#include "storage/engine.hpp"\n', 1),
    ("api/a.cpp", '#include "app/config.hpp"\n', 1),
    ("app/a.cpp", '#include "relay/x.hpp"\n#include "verifier/x.hpp"\n#include "sandbox/x.hpp"\n', 0),
    ("relay/a.cpp", '#include "tests/support/run_coro.hpp"\n', 1),
    ("relay/a.cpp", '#include "a.hpp"\n#include "../net/stream.hpp"\n', 2),
    ("relay/a.cpp", '#include <core/error.hpp>\n', 1),
    ("net/http_x.hpp", "#include <boost/beast/http.hpp>\n", 1),
    ("net/http_x.cpp", "#include <boost/beast/http.hpp>\n", 0),
    ("net/smtp.cpp", "#include <openssl/ssl.h>\n", 1),
    ("core/crypto_aead.cpp", "#include <openssl/evp.h>\n", 0),
    ("api/a.hpp", "#include <nlohmann/json.hpp>\n", 1),
    ("api/a.hpp", "#include <nlohmann/json_fwd.hpp>\n", 0),
    ("relay/a.cpp", "#include <rocksdb/db.h>\n", 1),
    ("relay/a.cpp", '#include "storage/records.pb.h"\n', 1),
    ("net/a.cpp", "#include <ares.h>\n", 1),
    ("relay/a.cpp", "#include <gmime/gmime.h>\n", 1),
    ("tests/net/a_test.cpp", "#include <openssl/ssl.h>\n", 0),
]

if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__)
