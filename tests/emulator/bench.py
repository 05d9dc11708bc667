# SPDX-License-Identifier: MIT
"""python3 tests/emulator/bench.py: how fast the local Drive sends, over TLS on loopback.

Eight clients at the same time each fetch a range of one file with curl, which throws the bytes
away; the clients' time on the processors counts too, since client and server share them.
"""
import argparse
import os
import subprocess
import sys
import time

if not __package__:
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "emulator"
    __import__(__package__)

from .client import Client  # pylint: disable=wrong-import-position
from .launch import LocalDrive  # pylint: disable=wrong-import-position

MEGABYTE = 1000000
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    """User and system time of a process so far."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def own_memory(pid):
    """Bytes a process holds itself."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("RssAnon")) * 1024


def children_seconds():
    """Processor time of the clients that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def fetch(drive, token, file_id, count, size):
    """`count` ranged GETs at once, each of `size` bytes at another place; seconds it took."""
    clients, began = [], time.monotonic()
    for number in range(count):
        first = number * (1 << 20)
        clients.append(subprocess.Popen([
            "curl", "-sf", "-o", "/dev/null", "--cacert", drive.ca, "-H",
            "Authorization: Bearer " + token, "-r", "%d-%d" % (first, first + size - 1),
            "%s/drive/v3/files/%s?alt=media" % (drive.url, file_id)]))
    if any([client.wait() for client in clients]):
        raise SystemExit("a download failed")
    return time.monotonic() - began


def upload(client, size):
    """A file of random bytes."""
    block = os.urandom(1 << 20)
    location = client.begin(size).headers["location"]
    answer = client.put(location, block * (size >> 20))
    return answer.json["id"]


def main():
    """Measure and print one line a run."""
    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--size", type=int, default=256, metavar="MIB", help="of each range")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--least", type=float, default=0, metavar="MB/S",
                        help="exit 1 if no run is as fast")
    options = parser.parse_args()
    size, best = options.size << 20, 0.0
    with LocalDrive() as drive:
        client = Client(drive)
        file_id = upload(client, size + (options.clients << 20))
        for _ in range(options.runs):
            server, clients = processor_seconds(drive.pid), children_seconds()
            seconds = fetch(drive, client.token, file_id, options.clients, size)
            sent = options.clients * size
            best = max(best, sent / seconds / MEGABYTE)
            print("%d ranges of %d MiB: %.0f MB/s; per GB %.2f s of the server's processor time and "
                  "%.2f s of the clients'; server memory %.0f MB" % (
                      options.clients, options.size, sent / seconds / MEGABYTE,
                      (processor_seconds(drive.pid) - server) / sent * 1e9,
                      (children_seconds() - clients) / sent * 1e9,
                      own_memory(drive.pid) / MEGABYTE), flush=True)
        client.close()
    return 0 if best >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
