#!/usr/bin/env python3
"""scripts/convert_lists.py over small packages."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import convert_lists  # noqa: E402


class ConvertLists(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.package("disposable-email-domains-js", {"dist/dict/disposable_email_blocklist.json": ["burn.example", "big.example"]})
        self.package("disposable-email-domains", {"index.json": ["burn.example", "wide.example", "big.example", "FREE.example"],
                                                  "wildcard.json": [".wild.example"]})
        self.package("freemail", {"data/free.txt": "free.example\nburn.example\npost.example\nnot a host\n"})
        self.package("email-providers", {"common.json": ["common.example", "company.example"]})
        self.package("tlds", {"index.json": ["com", "рф"]})
        data = self.root / "data"
        data.mkdir()
        (data / "popular.txt").write_text("# ours\nbig.example\n")
        (data / "free_add.txt").write_text("-company.example\nadded.example\n")
        (data / "role.txt").write_text("# ours\nabuse\tstrong\n")

    def package(self, name, files):
        folder = self.root / "node_modules" / name
        for path, content in {**files, "package.json": {"version": "9.8.7"}}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    def lists(self):
        return convert_lists.convert(convert_lists.Packages(self.root / "node_modules"), self.root / "data")

    def lines(self, name):
        return sorted(self.lists()[name][2])

    def test_a_popular_provider_is_in_no_disposable_list(self):
        self.assertEqual(self.lines("disposable"), ["burn.example"])
        self.assertNotIn("big.example", self.lines("disposable_weak"))

    def test_the_wide_list_lacks_what_the_precise_one_has_and_is_lower_case(self):
        self.assertEqual(self.lines("disposable_weak"), ["free.example", "wide.example", "wild.example"])

    def test_free_providers_lack_the_disposable_ones_and_take_our_corrections(self):
        self.assertEqual(self.lines("free"), ["added.example", "common.example", "post.example"])

    def test_top_level_domains_are_a_labels(self):
        self.assertEqual(self.lines("tld"), ["com", "xn--p1ai"])

    def test_files_tell_source_version_and_count(self):
        convert_lists.write_lists(self.lists(), self.root / "out", {})
        text = (self.root / "out/disposable.txt").read_text()
        self.assertIn("# source: disposable-email-domains-js\n# version: 9.8.7\n# count: 1\nburn.example\n", text)
        self.assertIn("9.8.7 + 9.8.7 + checked in", (self.root / "out/free.txt").read_text())
        self.assertEqual((self.root / "out/role.txt").read_text().splitlines()[-1], "abuse\tstrong")

    def test_a_hollow_list_replaces_none(self):
        with self.assertRaises(convert_lists.ListError):
            convert_lists.write_lists(self.lists(), self.root / "out", {"tld": 1000})
        self.assertFalse((self.root / "out").exists())

    def test_a_file_of_another_shape_is_an_error(self):
        self.package("tlds", {"index.json": {"com": 1}})
        with self.assertRaises(convert_lists.ListError):
            self.lists()

    def test_texts_that_are_no_host_names_are_left_out(self):
        for text in ("", ".", "a b.example", "-a.example", "a..example", "single", "x" * 64 + ".example", "a.example/b"):
            self.assertEqual(convert_lists.domains([text]), set(), text)


if __name__ == "__main__":
    unittest.main()
