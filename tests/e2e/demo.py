"""The README's first command: the demo runs the whole loop once and says what happened."""
import re

from harness import Lab, expect, main


def story(lab: Lab):
    """`winnow demo --once` verifies the example list, mails the clean recipients, takes the bounces back and exits with 0."""
    out = lab.run("demo", "--once")
    counts = dict(re.findall(r"^  ([a-z_]+) +([\d,]+)", out, re.M))
    number = lambda word: int(counts.get(word, "0").replace(",", ""))
    for verdict in ("deliverable", "undeliverable", "risky", "unknown"):
        expect(number(verdict) > 0, f"no {verdict} rows:\n{out}")
    expect(number("delivered") > 500, f"too few delivered:\n{out}")
    expect(number("queued") >= number("delivered"), f"more delivered than the gate let in:\n{out}")
    expect(number("suppressed") > 0 and "bounce" in out and "complaint" in out, f"nothing came back:\n{out}")
    expect(number("reports") == number("suppressed"), f"reports and suppressions differ:\n{out}")


if __name__ == "__main__":
    main(story)
