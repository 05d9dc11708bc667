# SPDX-License-Identifier: MIT
"""RFC 3339 times as integers of milliseconds since 1970, the way Drive stores them."""
import calendar
import re
import time

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?"
                   r"([Zz]|[+-]\d\d:?\d\d)?$")


def parse_time(text):
    """Milliseconds, or None when the text is no time. Finer digits are cut off."""
    match = _TIME.match(text) if isinstance(text, str) else None
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    zone = match.group(8)
    if zone and zone not in "Zz":
        offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds += offset if zone[0] == "-" else -offset
    return seconds * 1000 + int(((match.group(7) or "") + "000")[:3])


def format_time(milliseconds):
    """2026-11-21T21:14:04.866Z"""
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%03dZ" % rest
