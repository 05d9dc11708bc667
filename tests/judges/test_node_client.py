# SPDX-License-Identifier: MIT
"""Google's node client (@googleapis/drive), unmodified, judges the local Drive: see node_client.mjs."""
import json
import os
import re
import subprocess

import pytest

from installed import JUDGES, package, program

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_client.mjs")


def steps():
    """The names of the script's steps, read from its text: collecting must work without node."""
    with open(SCRIPT, encoding="utf-8") as file:
        return re.findall(r"^    async (\w+)\(", file.read(), re.M)


@pytest.fixture(scope="module")
def results(drive, environment, key, person):
    """What became of each step: {name: error or None}."""
    package("@googleapis", "drive")
    env = {**environment, **drive.env(), "JUDGES": JUDGES, "KEY": key, "PERSON": json.dumps(person["credential"])}
    done = subprocess.run([program("node"), SCRIPT], env=env, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found and done.returncode == 0, done.stderr[-3000:]
    return {line["step"]: line.get("error") for line in found}


@pytest.mark.parametrize("step", steps())
def test_step(results, step):
    """One step of the script."""
    assert results[step] is None, results[step]
