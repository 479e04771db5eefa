# SPDX-License-Identifier: Apache-2.0
"""Test Anything Protocol: facts are checked, counted and printed as they come.

    from tap import check, equal, done
"""
import sys
import traceback

_state = {"count": 0, "failed": 0}


def check(fact, name, detail=""):
    """Print one test; detail is shown only when it failed."""
    _state["count"] += 1
    if not fact:
        _state["failed"] += 1
    print(f"{'ok' if fact else 'not ok'} {_state['count']} - {name}")
    if not fact and detail != "":
        for line in str(detail).splitlines()[:40]:
            print("# " + line)
    sys.stdout.flush()
    return bool(fact)


def equal(got, wanted, name):
    return check(got == wanted, name, f"got    {got!r:.600}\n"
                                      f"wanted {wanted!r:.600}")


def run(cases):
    """Run functions in order; one that raises is a failed test of its name."""
    for case in cases:
        try:
            case()
        except Exception:  # a test file must go on to its other tests
            check(False, case.__name__.replace("_", " "),
                  traceback.format_exc())


def done():
    print(f"1..{_state['count']}")
    sys.exit(1 if _state["failed"] else 0)
