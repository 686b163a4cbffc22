"""Checks as sentences: `@check("...")` registers one, `run()` prints `ok ...` or `not ok ...` for each."""

import sys
import time
import traceback

_checks = []


def check(sentence):
    def register(function):
        _checks.append((sentence, function))
        return function

    return register


def must(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(seen, wanted):
    if seen != wanted:
        raise AssertionError(f"saw {repr(seen)[:200]}, wanted {repr(wanted)[:200]}")


def refused(action, text):
    """The action must fail, and the failure must say `text`."""
    try:
        result = action()
    except Exception as error:  # every client library has its own
        must(text in str(error), f"refused with {error!s}, not with {text!r}")
        return
    raise AssertionError(f"was not refused: {result!r}")


def eventually(question, seconds=15.0, every=0.1):
    """Asks until the answer is true; for effects that come a moment later."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        must(time.monotonic() < deadline, f"not within {seconds} s")
        time.sleep(every)
    return answer


def run():
    failed = 0
    for sentence, function in _checks:
        started = time.monotonic()
        try:
            note = function()
        except Exception as error:
            failed += 1
            where = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(where) if "checks_" in f.filename), 0)
            print(f"not ok {sentence}: {error} (line {line})", flush=True)
        else:
            took = int((time.monotonic() - started) * 1000)
            print(f"ok {sentence}{f' [{note}]' if note else ''} ({took} ms)", flush=True)
    print(f"# end of {sys.argv[0].rsplit('/', 1)[-1]}")
    sys.exit(1 if failed else 0)
