#!/usr/bin/env python3
"""Writes docs/examples/contacts.csv: the neglected list that `winnow demo` cleans.

Every address is one of the sandbox's (docs/sandbox.md), so the list can be checked and mailed without
touching the internet. The output depends on nothing but this file; run it again after a change:

    python3 scripts/make_example_contacts.py docs/examples/contacts.csv

With --check the file is compared instead of written.
"""

import csv
import io
import sys

FIRST = ["Ada", "Ben", "Carla", "David", "Elena", "Femi", "Grace", "Hugo", "Inês", "Jürgen", "Kemal", "Lena", "Mina",
         "Noah", "Olga", "Paweł", "Quinn", "Rosa", "Søren", "Tara", "Umar", "Vera", "Will", "Yara", "Zoë"]
LAST = ["Adler", "Brown", "Costa", "Díaz", "Evans", "Fischer", "García", "Haas", "Ito", "Jones", "Kaya", "Li", "Meyer",
        "Novák", "Okoye", "Petrov", "Quist", "Rossi", "Schäfer", "Tanaka", "Ueda", "Varga", "Weber", "Young", "Zhang"]
COMPANIES = ["Acme, Inc.", "Bright Tools", "Café Central", "Delta \"D\" Works", "Elbe Logistik", "Fjord Foods", "Globex",
             "Harbour & Sons", "Initech", "Juniper Labs", "Kilo Print", "Lumen", "Maple Street", "Nordwind", "Orbit",
             "Pinewood", "Quarry Stone", "Riverbank", "Sundial", "Tulip Trading", "Umbra", "Vantage", "Willow", "Zenit"]
CITIES = ["Berlin", "Lisboa", "München", "New York", "Oslo", "Paris", "São Paulo", "Tokyo", "Wien", "Zürich", "Łódź"]
NOTES = ["", "", "", "", "", "met at the fair, wants a demo", "prefers \"Sie\"", "second address\nsee CRM", "VIP",
         "asked for prices; call back", "-", "moved, new office"]
ROLES = ["info", "sales", "support", "office", "admin", "billing", "contact", "hr"]
ASCII = str.maketrans("áàâäãéèêëíìîïóòôöõøúùûüçñłśźżćńýěšč", "aaaaaeeeeiiiioooooouuuucnlszzcnyesc")


class Dice:
    """A generator of its own: Python's may change between versions."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % bound

    def pick(self, items):
        return items[self.below(len(items))]

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]


class Contacts:
    def __init__(self):
        self.dice = Dice(20260101)
        self.rows = []
        self.used = set()

    def person(self):
        return self.dice.pick(FIRST), self.dice.pick(LAST)

    def local(self, first, last, prefix=""):
        """first.last, numbered when it is taken; short enough for the sandbox to believe in it."""
        name = "{}{}.{}".format(prefix, first, last).lower().translate(ASCII)
        number = 1
        while (name if number == 1 else f"{name}{number}") in self.used:
            number += 1
        name = name if number == 1 else f"{name}{number}"
        self.used.add(name)
        return name

    def add(self, email, first="", last="", company=None, note=None):
        self.rows.append([first, last, email, self.dice.pick(COMPANIES) if company is None else company,
                          self.dice.pick(CITIES), self.dice.pick(NOTES) if note is None else note])

    def people(self, count, domains, prefix=""):
        for _ in range(count):
            first, last = self.person()
            self.add(self.local(first, last, prefix) + "@" + self.dice.pick(domains), first, last)


def make():
    c = Contacts()
    good = [f"{name}.deliverable.test" for name in
            "acme bright central delta elbe fjord globex harbour initech juniper kilo lumen maple nordwind orbit "
            "pinewood quarry riverbank sundial tulip umbra vantage willow zenit".split()]
    c.people(560, good)
    c.people(70, ["gmail.com", "gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "gmx.de", "web.de", "icloud.com"])
    c.people(6, ["bücher.deliverable.test", "münchen-reisen.deliverable.test", "xn--caf-dma.deliverable.test"])
    for role in ROLES:
        for domain in good[:3]:
            c.add(f"{role}@{domain}", note="from the imprint")
    # What a probe finds out.
    c.people(60, good + ["gmail.com", "outlook.com", "yahoo.com"], prefix="unknown-")
    c.people(45, ["agency.catchall.test", "studio.catchall.test", "freelance.catchall.test"])
    c.people(30, ["school.greylist-10s.test", "clinic.greylist-10s.test"])
    c.people(14, ["archive.full.test", "students.full.test"])
    c.people(10, ["former.disabled.test"])
    c.people(12, ["bank.ipblock.test", "city.ipblock.test"])
    c.people(5, ["broken.servfail.test"])
    # What DNS finds out.
    c.people(18, ["closed.nxdomain.test", "startup2014.nxdomain.test", "old-shop.nxdomain.test"])
    c.people(8, ["parked.nullmx.test"])
    c.people(6, ["webonly.nomx.test"])
    # What only mailing finds out.
    c.people(12, ["ward.accept-then-bounce.test", "legacy.accept-then-bounce.test"])
    c.people(6, ["readers.complaint.test"])
    # What looking finds out.
    c.people(14, ["mailinator.com", "guerrillamail.com", "yopmail.com", "trashmail.com"])
    c.people(16, ["gmial.com", "gmal.com", "hotmial.com", "yaho.com", "outlok.com", "gmail.con"])
    for bad in ["n/a", "ask Jan", "two@@globex.deliverable.test", "space in@acme.deliverable.test", "@lumen.deliverable.test",
                "no-domain@", "dot.@orbit.deliverable.test", "double..dot@orbit.deliverable.test", "fjord.deliverable.test",
                "someone@localhost", "x@-bad-.test", ""]:
        first, last = c.person()
        c.add(bad, first, last)

    people = c.rows[:560]
    for i in range(24):  # the same person twice, told apart by case or space
        first, last, email, company, city, _ = people[i * 7]
        variant = [email, email.upper(), " " + email, email + "  "][i % 4]
        c.rows.append([first, last, variant, company, city, "imported again"])
    for i in range(20):
        people[i * 5 + 3][2] = people[i * 5 + 3][2].capitalize()
        people[i * 9 + 4][2] += " "
    people[11][5] = "=HYPERLINK(\"http://example.com\";\"click\")"
    people[222][5] = "+49 30 1234567"
    c.dice.shuffle(c.rows)
    return c.rows


def write(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["id", "first_name", "last_name", "E-Mail", "company", "city", "note"])
    for number, row in enumerate(rows, 1):
        writer.writerow([number] + row)
        if number % 150 == 0:
            out.write("\r\n")  # a blank line, as spreadsheets leave them
    return "\ufeff" + out.getvalue()


def main():
    check = sys.argv[1:2] == ["--check"]
    if len(sys.argv) != (3 if check else 2):
        sys.exit("usage: make_example_contacts.py [--check] OUTPUT")
    text = write(make())
    if check:
        with open(sys.argv[2], encoding="utf-8", newline="") as made:
            if made.read() != text:
                sys.exit(f"{sys.argv[2]} is not what this script makes; run it again")
        return
    with open(sys.argv[1], "w", encoding="utf-8", newline="") as out:
        out.write(text)


if __name__ == "__main__":
    main()
