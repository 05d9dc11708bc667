# SPDX-License-Identifier: MIT
"""Seeds, several at a time: see run."""
import argparse
import concurrent.futures
import os
import sys
import time
import traceback

from harness.janitor import dismiss, janitor
from ledger.seed import Trial


def one(seed, without, keep):
    """(seed, findings, promises, weather, seconds); findings of kind "test" where the test itself failed."""
    begin = time.monotonic()
    janitor().tell(deadline=180)
    trial = Trial(seed, without, os.path.join(keep, str(seed)) if keep else None)
    try:
        trial.run()
    except Exception:  # pylint: disable=broad-exception-caught  # whatever it is, the seed has failed
        trial.found.append(("test", traceback.format_exc()))
    finally:
        dismiss()
    return seed, trial.found, trial.promises, trial.met, time.monotonic() - begin


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/ledger/run", description=(
        "Writers, kills and a failing Drive by seeds; afterwards nothing acknowledged may be missing."))
    parser.add_argument("seeds", nargs="*", help="seeds, or ranges as 1-10 (default: 1-10)")
    parser.add_argument("--jobs", type=int, default=1, help="so many seeds at once")
    parser.add_argument("--without", default=os.environ.get("LEDGER_WITHOUT", ""), metavar="ACT,...",
                        help="leave out acts: save shared over append common truncate unlink rename killed exec idle look; "
                             "and kill, google, weather")
    parser.add_argument("--keep", metavar="DIR", help="keep caches, logs, books and Drive's state in DIR/SEED")
    options = parser.parse_args()
    options.seeds = [n for word in options.seeds or ["1-10"] for n in
                     range(int(word.split("-")[0]), int(word.split("-")[-1]) + 1)]
    return options


def main():
    """Returns the exit status."""
    options = arguments()
    without = tuple(word for word in options.without.split(",") if word)
    bad, kinds = [], {}
    with concurrent.futures.ProcessPoolExecutor(options.jobs, max_tasks_per_child=1) as pool:
        for done in concurrent.futures.as_completed([pool.submit(one, seed, without, options.keep)
                                                     for seed in options.seeds]):
            seed, found, promises, met, seconds = done.result()
            print("seed %4d  %5.1f s  %4d promises  %s" % (seed, seconds, promises, "ok" if not found else ", ".join(
                sorted({kind for kind, _ in found}))), flush=True)
            for kind, text in found:
                print("  %s: %s" % (kind, text), flush=True)
                kinds[kind] = kinds.get(kind, 0) + 1
            if found:
                bad.append(seed)
                print("  weather: %s\n  again: tests/ledger/run %d" % (", ".join(k for k in met if k != "fair"), seed), flush=True)
    print("%d passed, %d failed%s" % (len(options.seeds) - len(bad), len(bad), ": seeds %s; %s" % (
        " ".join(map(str, sorted(bad))), ", ".join("%s %d" % item for item in sorted(kinds.items()))) if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
