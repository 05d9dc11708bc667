# SPDX-License-Identifier: MIT
"""Drive's error answers, byte for byte as the real service words them."""
import json

INVALID_CREDENTIALS = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project.")
NO_CREDENTIALS = INVALID_CREDENTIALS.replace("had invalid", "is missing required").replace(
    "credentials. E", "credential. E")
NO_STORAGE = (
    "Service Accounts do not have storage quota. Leverage shared drives "
    "(https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or use OAuth "
    "delegation (http://support.google.com/a/answer/7281227) instead.")
PROPERTY_TOO_LONG = ("Properties and app properties are limited to 124 bytes in UTF-8 encoding, "
                     "counting both the key and the value.")

# What a fault or switch may ask for by reason alone: message, domain.
KNOWN_REASONS = {
    "rateLimitExceeded": ("Rate Limit Exceeded", "usageLimits"),
    "userRateLimitExceeded": ("User Rate Limit Exceeded", "usageLimits"),
    "dailyLimitExceeded": ("Daily Limit Exceeded", "usageLimits"),
    "uploadLimitExceeded": ("User rate limit exceeded.", "usageLimits"),
    "downloadQuotaExceeded": ("The download quota for this file has been exceeded.", "usageLimits"),
    "quotaExceeded": ("The download quota for this file has been exceeded.", "usageLimits"),
    "storageQuotaExceeded": ("The user's Drive storage quota has been exceeded.", "usageLimits"),
    "teamDriveFileLimitExceeded": (
        "The file limit for this shared drive has been exceeded.", "global"),
    "accessNotConfigured": (
        "Google Drive API has not been used in project 1 before or it is disabled. Enable it by "
        "visiting https://console.developers.google.com/apis/api/drive.googleapis.com/overview"
        "?project=1 then retry.", "usageLimits"),
    "insufficientFilePermissions": (
        "The user does not have sufficient permissions for this file.", "global"),
    "cannotDownloadAbusiveFile": (
        "This file has been identified as malware or spam and cannot be downloaded.", "global"),
    "cannotDownloadFile": ("This file cannot be downloaded by the user.", "global"),
    "domainPolicy": ("The domain administrators have disabled Drive apps.", "global"),
    "backendError": ("Backend Error", "global"),
    "internalError": ("Internal Error", "global"),
    "notFound": ("Not Found", "global"),
    "authError": ("Invalid Credentials", "global"),
}
RATE_LIMITS = ("rateLimitExceeded", "userRateLimitExceeded")
QUOTA_TEXT = ("Quota exceeded for quota metric 'Queries' and limit 'Queries per minute%s' of service "
              "'drive.googleapis.com' for consumer 'project_number:1'.")
DEFAULT_REASONS = {400: "badRequest", 401: "authError", 403: "forbidden", 404: "notFound",
                   408: "requestTimeout", 409: "conflict", 410: "deleted", 412: "conditionNotMet",
                   413: "uploadTooLarge", 416: "requestedRangeNotSatisfiable",
                   429: "rateLimitExceeded", 500: "internalError", 502: "backendError",
                   503: "backendError", 504: "backendError"}


class DriveError(Exception):
    """An error answer. `location` is (location, locationType); `top` the outer message."""

    def __init__(self, status, reason, message, domain="global", location=None, top=None,
                 name=None, details=None, headers=()):
        super().__init__(message)
        self.status, self.reason, self.message, self.domain = status, reason, message, domain
        self.location, self.top, self.name, self.details = location, top, name, details
        self.headers = list(headers)

    def body(self):
        """The JSON text, as Drive prints it: two spaces, one newline at the end."""
        entry = {"message": self.message, "domain": self.domain, "reason": self.reason}
        if self.location:
            entry["location"], entry["locationType"] = self.location
        error = {"code": self.status, "message": self.top or self.message, "errors": [entry]}
        if self.reason is None:              # newer front ends: nothing but status and details
            del error["errors"]
        if self.name:
            error["status"] = self.name
        if self.details:
            error["details"] = self.details
        return (json.dumps({"error": error}, indent=2, ensure_ascii=False) + "\n").encode()


class PlainError(Exception):
    """An answer of the upload front end, which does not speak JSON."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status, self.text = status, text


class OAuthError(Exception):
    """An answer of the token endpoint."""

    def __init__(self, error, description, status=400, subtype=None):
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}
        if subtype:
            self.body["error_subtype"] = subtype


# What the token endpoint may say, by a name of ours: error, description, status, subtype.
TOKEN_ERRORS = {
    "expired": ("invalid_grant", "Token has been expired or revoked."),
    "bad_request": ("invalid_grant", "Bad Request"),
    "rapt": ("invalid_grant", "reauth related error (invalid_rapt)", 400, "invalid_rapt"),
    "deleted": ("invalid_grant", "Invalid grant: account not found"),
    "signature": ("invalid_grant", "Invalid JWT Signature."),
    "audience": ("invalid_grant", "Invalid JWT: Failed audience check."),
    "times": ("invalid_grant", (
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
        "Check your iat and exp values in the JWT claim.")),
    "scope": ("invalid_scope", "Invalid OAuth scope or ID token audience provided."),
    "delegation": ("unauthorized_client", (
        "Client is unauthorized to retrieve access tokens using this method, or client not "
        "authorized for any of the scopes requested."), 401),
    "client": ("invalid_client", "The OAuth client was not found.", 401),
    "secret": ("invalid_client", "Unauthorized", 401),
    "blocked": ("access_denied", (
        "This app is blocked: it tried to access sensitive info in your Google Account."), 403),
    "server": ("internal_failure", "Internal Error", 500),
    "busy": ("temporarily_unavailable", "The service is temporarily unavailable.", 503),
    "rate": ("rate_limit_exceeded", "Rate Limit Exceeded", 429),
}


def not_found(file_id):
    """404, which also means: no right to see it, or a shared drive without supportsAllDrives."""
    return DriveError(404, "notFound", "File not found: %s." % file_id,
                      location=("fileId", "parameter"))


def invalid(parameter, message="Invalid Value", reason="invalid"):
    """400 for one parameter."""
    return DriveError(400, reason, message, location=(parameter, "parameter"))


def required(parameter):
    """400 for a parameter that a method cannot do without."""
    return invalid(parameter, "Required parameter: " + parameter, "required")


def bad_field(name):
    """400 for a fields mask that names something the answer does not have."""
    return invalid("fields", "Invalid field selection %s" % name, "invalidParameter")


def bad_request(message, reason="badRequest"):
    """400 for the request body."""
    return DriveError(400, reason, message)


def unknown_parameter(name):
    """400 for a query parameter the method does not know."""
    text = ('Invalid JSON payload received. Unknown name "%s": Cannot bind query parameter. '
            "Field '%s' could not be found in request message." % (name, name))
    return DriveError(400, "invalid", text, name="INVALID_ARGUMENT", details=[
        {"@type": "type.googleapis.com/google.rpc.BadRequest",
         "fieldViolations": [{"description": text}]}])


def unknown_member(name):
    """400 for a member of the request body that the resource does not have."""
    text = "Invalid JSON payload received. Unknown name \"%s\": Cannot find field." % name
    return DriveError(400, "invalid", text, name="INVALID_ARGUMENT", details=[
        {"@type": "type.googleapis.com/google.rpc.BadRequest",
         "fieldViolations": [{"description": text}]}])


def forbidden(reason, message=None, domain="global"):
    """403 with a reason; the usual wording unless told otherwise."""
    known = KNOWN_REASONS.get(reason, (reason, domain))
    return DriveError(403, reason, message or known[0], known[1] if not message else domain)


def no_permission():
    """403: the account sees the file and may not do this."""
    return forbidden("insufficientFilePermissions")


def no_storage():
    """403: a service account cannot own bytes."""
    return forbidden("storageQuotaExceeded", NO_STORAGE, "usageLimits")


def unauthorized():
    """401: a token that is unknown, expired or revoked."""
    return DriveError(
        401, "authError", "Invalid Credentials", location=("Authorization", "header"),
        top=INVALID_CREDENTIALS, name="UNAUTHENTICATED",
        headers=[("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/", '
                                      'error="invalid_token"')])


def _error_info(reason, **metadata):
    return [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
             "domain": "googleapis.com", "metadata": metadata}]


def login_required(method):
    """401: no token at all."""
    return DriveError(
        401, "required", "Login Required.", location=("Authorization", "header"),
        top=NO_CREDENTIALS, name="UNAUTHENTICATED",
        details=_error_info("CREDENTIALS_MISSING", service="drive.googleapis.com", method=method))


def insufficient_scope(method):
    """403: the token's scopes do not cover the method."""
    return DriveError(
        403, "insufficientPermissions", "Insufficient Permission",
        top="Request had insufficient authentication scopes.", name="PERMISSION_DENIED",
        details=_error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", method=method,
                            service="drive.googleapis.com"))


def rate_limited(status, message=None):
    """A rate limit in the words of Google's newer front ends: no errors[], ErrorInfo alone."""
    details = _error_info("RATE_LIMIT_EXCEEDED", service="drive.googleapis.com",
                          quota_metric="drive.googleapis.com/default_requests",
                          quota_limit="defaultPerMinutePerProject", consumer="projects/1")
    return DriveError(status, None, message or QUOTA_TEXT % " per user", name="RESOURCE_EXHAUSTED",
                      details=details)


def user_project_denied(project):
    """403: the project that X-Goog-User-Project names is not this account's to use."""
    link = "https://console.developers.google.com/iam-admin/iam/project?project=" + project
    text = ("Caller does not have required permission to use project %s. Grant the caller the "
            "roles/serviceusage.serviceUsageConsumer role, or a custom role with the "
            "serviceusage.services.use permission, by visiting %s and then retry. Propagation of "
            "the new permission may take a few minutes." % (project, link))
    return DriveError(403, "forbidden", text, name="PERMISSION_DENIED", details=_error_info(
        "USER_PROJECT_DENIED", service="drive.googleapis.com", consumer="projects/" + project))


def user_project_needed():
    """403: a user's credentials of gcloud's own client, and no project to bill."""
    text = ("Your application is authenticating by using local Application Default Credentials. "
            "The drive.googleapis.com API requires a quota project, which is not set by default. "
            "To learn how to set your quota project, see "
            "https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds .")
    return DriveError(403, "accessNotConfigured", text, "usageLimits", name="PERMISSION_DENIED",
                      details=_error_info("SERVICE_DISABLED", service="drive.googleapis.com",
                                          consumer="projects/764086051850"))


def range_not_satisfiable(size):
    """416, which also tells the size."""
    return DriveError(416, "requestedRangeNotSatisfiable", "Request range not satisfiable",
                      location=("Range", "header"),
                      headers=[("Content-Range", "bytes */%d" % size)])


def made_to_order(status, reason=None, message=None, headers=()):
    """The error a fault or switch asks for by status and reason."""
    reason = reason or DEFAULT_REASONS.get(status, "backendError")
    if status == 401 and reason == "authError":
        return unauthorized()
    if reason == "RATE_LIMIT_EXCEEDED":
        return rate_limited(status, message)
    text, domain = KNOWN_REASONS.get(reason, (reason, "global"))
    if reason == "uploadLimitExceeded":
        reason = "userRateLimitExceeded"
    return DriveError(status, reason, message or text, domain, headers=headers)


def worded(error, words):
    """The same rate limit in other words (rate_limit_words); any other error as it is."""
    if not words or error.reason not in RATE_LIMITS or error.status not in (403, 429):
        return error
    if words == "info":
        return rate_limited(error.status, error.message)
    return DriveError(error.status, "userRateLimitExceeded", "User rate limit exceeded.",
                      "usageLimits", headers=error.headers)
