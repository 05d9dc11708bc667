# SPDX-License-Identifier: MIT
"""Google's own Python client, unmodified, pointed at a local Drive: the witness that is not our code."""
import hashlib
import io

import google_auth_httplib2
import httplib2
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

SCOPES = ["https://www.googleapis.com/auth/drive"]
OCTETS = "application/octet-stream"
FOLDER = "application/vnd.google-apps.folder"
FIELDS = "id,name,mimeType,size,md5Checksum,headRevisionId,description,parents,trashed,modifiedTime"
SHARED = {"supportsAllDrives": True}  # the folder is on a shared drive, which old clients did not know


class Google:
    """A few calls of Google's client. url, ca, key: as in DRIVE_URL, DRIVE_CA, DRIVE_KEY."""

    def __init__(self, url, ca, key):
        credentials = service_account.Credentials.from_service_account_file(key, scopes=SCOPES)
        # A transport of our own only for its ca_certs; HTTPLIB2_CA_CERTS in the environment does
        # the same, but is read once and for all when httplib2 is imported.
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(ca_certs=ca))
        self.service = build("drive", "v3", http=http, client_options={"api_endpoint": url + "/drive/v3/"})

    @classmethod
    def of(cls, drive):
        """For a LocalDrive."""
        return cls(drive.url, drive.ca, drive.key)

    def children(self, folder, trashed=False):
        """Every child of a folder: a list of Drive files."""
        found, token = [], None
        query = "'%s' in parents and trashed = %s" % (folder, str(trashed).lower())
        while True:
            page = self.service.files().list(
                q=query, pageSize=1000, pageToken=token, fields="nextPageToken,files(%s)" % FIELDS,
                corpora="allDrives", includeItemsFromAllDrives=True, **SHARED).execute()
            found += page["files"]
            token = page.get("nextPageToken")
            if not token:
                return found

    def by_name(self, folder):
        """The children of a folder by name; names must be unique there."""
        files = self.children(folder)
        table = {file["name"]: file for file in files}
        assert len(table) == len(files), "two files of one name: %s" % sorted(f["name"] for f in files)
        return table

    def walk(self, folder, path):
        """The file at a relative path, as Drive sees it."""
        for name in path.split("/"):
            file = self.by_name(folder)[name]
            folder = file["id"]
        return file

    def get(self, file_id):
        """One file's metadata."""
        return self.service.files().get(fileId=file_id, fields=FIELDS, **SHARED).execute()

    def download(self, file_id):
        """One file's bytes."""
        data = io.BytesIO()
        request = self.service.files().get_media(fileId=file_id, **SHARED)
        loader = MediaIoBaseDownload(data, request, chunksize=64 << 20)
        done = False
        while not done:
            _, done = loader.next_chunk()
        return data.getvalue()

    def create(self, folder, name, data, mime=OCTETS):
        """A new file, as another program would upload it. Returns its metadata."""
        media = MediaIoBaseUpload(io.BytesIO(data), mime, resumable=True)
        return self.service.files().create(body={"name": name, "parents": [folder]}, media_body=media,
                                           fields=FIELDS, **SHARED).execute()

    def create_empty(self, folder, name, mime):
        """A folder, or a Google Doc: what has no bytes."""
        return self.service.files().create(body={"name": name, "parents": [folder], "mimeType": mime},
                                           fields=FIELDS, **SHARED).execute()

    def replace(self, file_id, data):
        """New content for a file."""
        media = MediaIoBaseUpload(io.BytesIO(data), OCTETS, resumable=True)
        return self.service.files().update(fileId=file_id, media_body=media, fields=FIELDS, **SHARED).execute()

    def update(self, file_id, **body):
        """New metadata: name=, description=, trashed= ..."""
        return self.service.files().update(fileId=file_id, body=body, fields=FIELDS, **SHARED).execute()

    def revisions(self, file_id):
        """The revisions of a file's content, oldest first."""
        answer = self.service.revisions().list(fileId=file_id, fields="revisions(id,md5Checksum,size)").execute()
        return answer["revisions"]


def md5(data):
    """As Drive writes it."""
    return hashlib.md5(data).hexdigest()
