# SPDX-License-Identifier: MIT
"""Switches: every way in which Drive surprises, each off unless a test turns it on."""
import json
import threading

from .errors import TOKEN_ERRORS
from .storm import kinds_of

# name -> (default, what it does). README.md has the same table, a test compares the two.
SWITCHES = {
    "abusive": ("", "files whose name matches this shell pattern are flagged as malware: 403 cannotDownloadAbusiveFile, unless their owner (organizer) says acknowledgeAbuse=true"),
    "bad_utf8": ("", "U+FFFD in JSON answers is sent as what no decoder may accept: byte (FF), overlong (C0 AF), surrogate (the escape \\ud800)"),
    "blocked_client": ("", "OAuth clients whose id matches this shell pattern are blocked by Google for Drive's scopes, as gcloud's own is since June 2025: the consent page says so and never redirects, the token endpoint refuses"),
    "changes_children": (False, "trashing, untrashing or deleting a folder also lists what is below it as changes"),
    "changes_lag_s": (0, "changes younger than this are not in the feed yet"),
    "changes_repeat": (False, "every edit of a file is an entry of its own in the change feed, instead of one a page"),
    "chunk_multiple_400": (False, "a middle chunk that is no multiple of 256 KiB is refused instead of kept in part"),
    "clock_skew_s": (0, "the server's clock is ahead by this much (negative: behind)"),
    "close_after": (0, "close each connection after this many requests"),
    "conflict_reason": ("fileIdInUse", "reason of the 409 for an id that is taken (some saw duplicate)"),
    "connect_refuse": (False, "CONNECT is answered 403"),
    "consent": ("", "what the user does at the consent page: denied, unticked (grants only openid), closed (a page, no redirect); else: agrees"),
    "consent_user": ("owner@example.com", "who sits at the consent page"),
    "daily_upload_bytes": (0, "bytes an account may upload a day; then 403 with the message of a mere rate limit"),
    "description_length": (0, "answers carry for every file a description of so many control characters, six bytes each in JSON"),
    "description_missing": (False, "answers never carry a description"),
    "download_restricted": ("", "files whose name matches this shell pattern may be downloaded by owners and organizers only"),
    "empty_pages": (False, "every other page of a listing is empty and has a nextPageToken"),
    "empty_range_200": (False, "Range on an empty file gets 200 and no bytes instead of 416"),
    "etag_header": (False, "v3 answers carry an ETag header (never honoured)"),
    "expire_page_tokens": (False, "nextPageToken of files.list is refused (400)"),
    "forget_chunks": (0, "so many requests with bytes to a session are not kept at all: 308 without Range while nothing is there"),
    "gap_400": (False, "a chunk beyond what is stored is refused instead of answered with 308"),
    "gzip_always": (False, "JSON is compressed whenever Accept-Encoding has gzip, whatever the User-Agent says"),
    "gzip_media": (False, "downloads of up to 16 MiB are compressed when Accept-Encoding has gzip, ranges too"),
    "incomplete_search": (False, "listings say incompleteSearch: true, and lack their last file"),
    "keep_forever_max": (200, "revisions per file that may be kept forever"),
    "list_lag_s": (0, "queries by name see names and new files this much later"),
    "locked": ("", "files whose name matches this shell pattern have a contentRestrictions readOnly: no new content and no new name, 403"),
    "md5_missing": (False, "files have no md5Checksum"),
    "media_needs_all_drives": (False, "alt=media of an item on a shared drive is 404 without supportsAllDrives, as metadata is"),
    "media_redirect": (False, "downloads are first answered 302, to /download/drive/v3/... on the same host"),
    "media_redirect_host": ("", "media_redirect leads to this host instead, on the same port (127.0.0.1, ::1, localhost)"),
    "metadata_scopes": ("", "the scopes of the virtual machine, which its metadata server grants whatever is asked for; empty: what is asked for"),
    "non_json_errors": (False, "errors come as HTML, as from a front end"),
    "or_query_empty": (False, "a query that ORs parents finds nothing"),
    "padding_mib": (0, "answers of files.list carry an unknown member of so many MiB of 1,1,1,..."),
    "page_size_max": (0, "most entries on a page of a listing or of the change feed, whatever pageSize says"),
    "page_token_410": (False, "an unknown changes page token is 410 instead of 400"),
    "parents_lag_s": (0, "no listing shows files younger than this"),
    "partial_chunk": (0, "each chunk is kept up to this many bytes only (rounded down to 256 KiB)"),
    "quota_2026": (False, "the limits of 2026-05-01: a minute 325,000 units an account and 1,000,000 in all; 3 writes a second after a burst of 100"),
    "range_as_200": (False, "Range requests get 200 and the whole file"),
    "rate_limit_burst": (100, "size of the burst of rate_limit_writes"),
    "rate_limit_project_units": (0, "quota units all accounts together may spend per minute"),
    "rate_limit_status": (403, "status of rate limit errors: 403 or 429"),
    "rate_limit_units": (0, "quota units an account may spend per minute"),
    "rate_limit_units_burst": (0, "units that may be spent at once; 0: those of a minute"),
    "rate_limit_words": ("", "how rate limits are worded: short (User rate limit exceeded., as the daily upload limit), info (status RESOURCE_EXHAUSTED and an ErrorInfo RATE_LIMIT_EXCEEDED, no errors[]); else: Drive's usual two reasons"),
    "rate_limit_writes": (0, "writes an account may make per second, after a burst of rate_limit_burst"),
    "refresh_lifetime_s": (0, "refresh tokens older than this are dead (604800: the consent screen is in Testing)"),
    "resource_keys": (False, "what is shared by link alone is 404 without its key in X-Goog-Drive-Resource-Keys"),
    "retry_after": (0, "seconds in the Retry-After header of 403 rate limits, 429 and 503"),
    "retry_after_date": (False, "Retry-After is a date instead of seconds"),
    "revision_range_as_200": (False, "Range on a revision's bytes gets 200 and the whole revision; on a file's it is honoured"),
    "revisions_hidden": (False, "revisions may not be read (403), as with a reader's rights"),
    "revisions_keep": (100, "revisions kept that nobody marked keepForever; older ones vanish"),
    "revisions_open": (False, "old revisions can be downloaded though nobody marked them keepForever"),
    "rotate_refresh": (False, "a refresh answers a new refresh token, and the old one is dead"),
    "session_lifetime_s": (604800, "upload sessions older than this are 404"),
    "session_lost": (0, "every request to an upload session that has begun gets this status (404, 410) and ends it"),
    "several_parents": (False, "addParents without removeParents gives a file one more parent, as before September 2020; what was made so stays so"),
    "sha_missing": (False, "files have no sha1Checksum and sha256Checksum, as before 2018"),
    "static_tokens": ({}, "access tokens that are always valid: {token: e-mail}"),
    "storage_refused": ("", "bytes are 403 storageQuotaExceeded though about tells of free storage, as when an organization's pool is full: begin (at the first request of an upload), end (when all bytes are there)"),
    "storm_kinds": ("503,429,403,500,reset,lose", "what a storm is made of: statuses (403: a rate limit) and actions of faults"),
    "storm_percent": (0, "so many of 100 requests to the API are hit by a storm"),
    "storm_seed": (1, "decides which: the nth request to a method always meets the same fate"),
    "token_error": ("", "the token endpoint answers this error: expired, bad_request, rapt, deleted, signature, audience, times, scope, delegation, client, secret, blocked, server, busy, rate"),
    "token_lifetime_s": (3599, "lifetime of access tokens"),
    "token_uses": (0, "an access token is refused (401) after so many requests"),
    "unknown_members": (False, "unknown members of a request body are ignored instead of 400"),
    "user_corpus": (False, "without corpora=drive&driveId a member's listing shows of a shared drive only what the account has made, changed, looked at or been given directly"),
    "user_project": ("", "denied: a request with X-Goog-User-Project is 403 USER_PROJECT_DENIED; needed: a user's request without it is 403 SERVICE_DISABLED"),
    "version_bump": (False, "reading a file's metadata raises its version"),
    "zoo": (False, "folders made by the control port hold odd names, duplicates, shortcuts that dangle and loop, Google Docs, an empty file"),
}

# What those with a word as value may say.
WORDS = {"bad_utf8": ("byte", "overlong", "surrogate"), "token_error": tuple(TOKEN_ERRORS),
         "consent": ("denied", "unticked", "closed"), "rate_limit_words": ("short", "info"),
         "storage_refused": ("begin", "end"), "user_project": ("denied", "needed"),
         "media_redirect_host": ("127.0.0.1", "::1", "localhost")}


def parse(text):
    """NAME=VALUE of a command line as {name: value}; the value is JSON, or else a word."""
    name, _, value = text.partition("=")
    try:
        return {name: json.loads(value)}
    except ValueError:
        return {name: value}


class Switches:
    """The current values, readable as attributes."""

    def __init__(self):
        self._lock = threading.Lock()
        self._values = {name: default for name, (default, _) in SWITCHES.items()}

    def __getattr__(self, name):
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def all(self):
        """Every switch and its value."""
        with self._lock:
            return dict(self._values)

    def set(self, values):
        """Set several; ValueError for a name or a type that does not exist. None = default."""
        for name, value in values.items():
            if name not in SWITCHES:
                raise ValueError("no such switch: " + name)
            default = SWITCHES[name][0]
            number = isinstance(default, (int, float)) and isinstance(value, (int, float))
            if value is not None and not number and not isinstance(value, type(default)):
                raise ValueError("wrong type for switch " + name)
            if value and name in WORDS and value not in WORDS[name]:
                raise ValueError("no such value for switch %s: %s" % (name, value))
        if values.get("storm_kinds"):
            kinds_of(values["storm_kinds"])
        with self._lock:
            for name, value in values.items():
                self._values[name] = SWITCHES[name][0] if value is None else value
