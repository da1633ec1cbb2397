#!/usr/bin/env python3
"""Forms of co_await that g++ 12.2 miscompiles (each was seen to double-free, crash or not compile), and coroutines that
are started without anybody to see how they end."""

import re

import lint_common

# Temporaries without a destructor are not destroyed twice.
TRIVIAL = re.compile(r"\b((milli|micro|nano)?seconds|minutes|hours|days|string_view|TimePoint|SteadyPoint)\s*$")
OPEN = {"(": ")", "[": "]", "{": "}"}
CLOSE = set(OPEN.values())


def matching(text, start):
    """Offset of the bracket that closes the one at `start`; the end of the text when there is none."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] in OPEN:
            depth += 1
        elif text[i] in CLOSE:
            depth -= 1
            if depth == 0:
                return i
    return len(text)


def operand(text, start):
    """The rest of the expression from `start`: up to a semicolon or the bracket that encloses it."""
    i = start
    while i < len(text):
        if text[i] in OPEN:
            i = matching(text, i)
        elif text[i] in CLOSE or text[i] == ";":
            return text[start:i]
        i += 1
    return text[start:]


def lambdas(text):
    """Offsets and capture lists of lambdas: a bracket where an expression may start, followed by parameters or body."""
    for match in re.finditer(r"\[", text):
        before = text[:match.start()].rstrip()
        if before and (before[-1].isalnum() or before[-1] in "_])"):
            continue
        end = matching(text, match.start())
        if re.match(r"\s*[({<]|\s*mutable\b", text[end + 1:]):
            yield match.start(), text[match.start() + 1:end].strip()


def braces_in_arguments(text):
    """Offset of a brace inside parentheses that does not open a lambda's body; -1 when there is none."""
    bodies = set()
    for start, _ in lambdas(text):
        i = matching(text, start) + 1
        while i < len(text) and text[i] not in "{;":
            i = matching(text, i) + 1 if text[i] == "(" else i + 1
        if i < len(text) and text[i] == "{":
            bodies.add(i)
    depth = 0
    i = 0
    while i < len(text):
        if i in bodies:
            i = matching(text, i)
        elif text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
        elif text[i] == "{" and depth > 0 and not TRIVIAL.search(text, 0, i):
            return i
        i += 1
    return -1


def holds_statement(text, brace):
    """A semicolon directly inside this brace: it holds statements, not initialisers."""
    i = brace + 1
    while i < len(text) and text[i] not in CLOSE:
        if text[i] == ";":
            return True
        i = matching(text, i) + 1 if text[i] in OPEN else i + 1
    return False


def statement_before(text, offset):
    """What stands before `offset` in its statement."""
    start = max(text.rfind(c, 0, offset) for c in ";{}")
    return text[start + 1:offset]


def check(path, text):
    code = lint_common.blank(text)

    def at(offset):
        return lint_common.line_of(code, offset)

    for match in re.finditer(r"\bco_await\b", code):
        rest = operand(code, match.end())
        before = statement_before(code, match.start())
        if braces_in_arguments(rest) >= 0:
            yield at(match.start()), "a braced temporary inside a co_await expression: name it first"
        if rest.lstrip().startswith("("):
            inner = rest.lstrip()
            inner = inner[:matching(inner, 0)]
            if "?" in inner:
                yield at(match.start()), "co_await of a conditional expression: use if/else"
        if "?" in before:
            yield at(match.start()), "co_await inside a conditional expression: use if/else"
        if re.search(r"\bswitch\s*\(\s*$", before):
            yield at(match.start()), "switch on co_await: name the value first"
        if re.search(r"\bco_spawn\s*\([^;]*$", before):
            yield at(match.start()), "co_await among the arguments of co_spawn: name the executor first"
        for offset, captures in lambdas(rest):
            if captures:
                yield at(match.end() + offset), "a capturing lambda in a co_await expression: name it first"
    for match in re.finditer(r"\(\s*\{", code):
        if "co_" in code and holds_statement(code, match.end() - 1):
            yield at(match.start()), "a statement expression: g++ 12.2 miscompiles those in coroutines"
    if not path.startswith(("tests/", "bench/")):
        for match in re.finditer(r"\basio::detached\b", code):
            yield at(match.start()), "co_spawn gets a completion handler that looks at the exception, not detached"


SAMPLES = [
    ("net/a.cpp", "co_await f(Options{.a = 1});", 1),
    ("net/a.cpp", "co_await f({x, y});", 1),
    ("net/a.cpp", "co_await sleep_for(timers, std::chrono::seconds{1});", 0),
    ("net/a.cpp", "Options o{.a = 1};\nco_await f(o);", 0),
    ("net/a.cpp", 'co_await stream.write("a{b" + head); // f({x})', 0),
    ("net/a.cpp", "if (co_await f(x)) {\n y({1}); }", 0),
    ("net/a.cpp", "for (const auto& x : co_await f()) { g(T{1}); }", 0),
    ("net/a.cpp", "WINNOW_CO_TRY(auto r, co_await f(T{1}));", 1),
    ("net/a.cpp", "WINNOW_CO_TRY(auto r, co_await f(t)); g(T{1});", 0),
    ("net/a.cpp", "auto r = co_await (c ? f() : g());", 1),
    ("net/a.cpp", "auto r = c ? co_await f() : co_await g();", 2),
    ("net/a.cpp", "auto r = co_await f(c ? 1 : 2);", 0),
    ("net/a.cpp", "switch (co_await f()) { case 1: break; }", 1),
    ("net/a.cpp", "auto v = co_await f(); switch (v) { case 1: break; }", 0),
    ("net/a.cpp", "co_await [x]() -> awaitable<void> { co_return; }();", 1),
    ("net/a.cpp", "co_await [](int x) -> awaitable<void> { co_return; }(1);", 0),
    ("net/a.cpp", "co_await f(a[i], [this] { return 1; });", 1),
    ("net/a.cpp", "co_await f(a[i], [] { return 1; });", 0),
    ("net/a.cpp", "co_spawn(co_await this_coro::executor, f(), h);", 1),
    ("net/a.cpp", "auto ex = co_await this_coro::executor;\nco_spawn(ex, f(), h);", 0),
    ("net/a.cpp", "#define TRY(e) ({ auto t = e; if (!t) co_return t; *t; })", 1),
    ("net/a.cpp", "f({[] { return 1; }, 2}); co_return;", 0),
    ("net/a.cpp", "boost::asio::co_spawn(io, f(), boost::asio::detached);", 1),
    ("tests/net/a.cpp", "boost::asio::co_spawn(io, f(), boost::asio::detached);", 0),
]

if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__)
