#!/usr/bin/env python3
"""Time and randomness come from outside (Clock, Timer, Rng), so that tests and simulation own them."""

import re

import lint_common

RULES = [
    # what, where it is allowed, cure
    (r"::now\s*\(\s*\)(?!\s*const\b)", r"core/clock\.cpp", "ask the Clock that was passed in"),
    (r"\bthis_thread\s*::\s*sleep_(for|until)\b", r"", "wait on a Timer"),
    (r"(?<![\w.>])(?:::|std::)?(usleep|nanosleep|clock_nanosleep|sleep)\s*\(", r"", "wait on a Timer"),
    (r"(?<![\w.>:])(?:::|std::)?time\s*\(\s*(NULL|nullptr|0|&\w+)\s*\)", r"", "ask the Clock that was passed in"),
    (r"\b(gettimeofday|clock_gettime|timespec_get)\s*\(", r"", "ask the Clock that was passed in"),
    (r"\basio::(system_timer|deadline_timer|high_resolution_timer)\b", r"", "use TimerSource"),
    (r"\b(random_device|mt19937(_64)?|default_random_engine)\b", r"", "use the Rng that was passed in"),
    (r"(?<![\w.>:])(?:::|std::)?s?rand\s*\(", r"", "use the Rng that was passed in"),
]


def check(path, text):
    code = lint_common.blank(text)
    for pattern, allowed, cure in RULES:
        if allowed and re.fullmatch(allowed, path):
            continue
        for match in re.finditer(pattern, code):
            yield lint_common.line_of(code, match.start()), f"{match.group().strip()}: {cure}"


SAMPLES = [
    ("relay/a.cpp", "auto t = std::chrono::steady_clock::now();", 1),
    ("core/clock.cpp", "auto t = std::chrono::steady_clock::now();", 0),
    ("tests/relay/a_test.cpp", "auto t = std::chrono::system_clock::now ( );", 1),
    ("relay/a.cpp", "auto t = clock.now(); // not system_clock::now()", 0),
    ("storage/a.cpp", "TimePoint KvEngine::now() const\n{", 0),
    ("relay/a.cpp", "std::this_thread::sleep_for(1s);", 1),
    ("relay/a.cpp", "co_await sleep_for(timers, milliseconds{5});", 0),
    ("relay/a.cpp", "usleep(5); ::sleep(1);", 2),
    ("relay/a.cpp", "timer.sleep(1); int asleep(int);", 0),
    ("relay/a.cpp", "auto t = std::time(nullptr); time(0);", 2),
    ("relay/a.cpp", "auto t = format_time(t); parse_time(x); at.time(0);", 0),
    ("relay/a.cpp", "clock_gettime(CLOCK_REALTIME, &ts);", 1),
    ("relay/a.cpp", "std::mt19937 g{std::random_device{}()};", 2),
    ("relay/a.cpp", "srand(1); int r = rand(); int b = operand(2);", 2),
]

if __name__ == "__main__":
    lint_common.main(check, SAMPLES, __doc__)
