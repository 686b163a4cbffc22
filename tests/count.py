"""Prints how many tests passed and failed, read from a runner's own closing lines."""
import re
import sys

with open(sys.argv[1], errors="replace") as log:
    text = re.sub(r"\x1b\[[0-9;]*m", "", log.read())
passed = failed = 0
for ran, rest in re.findall(r"Summary \[.*?\]\s+(?:\d+/)?(\d+) tests? run: (.*)", text):  # cargo-nextest
    bad = sum(int(n) for n in re.findall(r"(\d+) (?:failed|timed out|exec failed)", rest))
    passed, failed = passed + int(ran) - bad, failed + bad
for good, bad in re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", text, re.M):  # cargo test
    passed, failed = passed + int(good), failed + int(bad)
for good, bad in re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M):  # our shell suites
    passed, failed = passed + int(good), failed + int(bad)
print(passed, failed)
