// SPDX-License-Identifier: MIT
// Google's node client, unmodified and at its built-in addresses, does one thing after the other on
// the local Drive. Prints {"step", "error"?} as a line of JSON for each; test_node_client.py starts
// it and tells by environment variables where things are.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

const require = createRequire(process.env.JUDGES + '/');
const { drive: connect, auth } = require('@googleapis/drive');

const SCOPES = ['https://www.googleapis.com/auth/drive'];
const FIELDS = 'id,name,mimeType,size,md5Checksum,headRevisionId,parents,trashed,version';
const SHARED = { supportsAllDrives: true };
const LISTED = { supportsAllDrives: true, includeItemsFromAllDrives: true };
const QUARTER = 256 * 1024;
const { DRIVE_CONTROL: control, DRIVE_SHARED_DRIVE: sharedDrive } = process.env;

const identity = new auth.GoogleAuth({ keyFile: process.env.KEY, scopes: SCOPES });
const drive = connect({ version: 'v3', auth: identity });
const person = auth.fromJSON(JSON.parse(process.env.PERSON));
person.forceRefreshOnFailure = true; // a 401 before its time: this client asks again only where told to
const persons = connect({ version: 'v3', auth: person });

const noise = (size) => crypto.createHash('shake128', { outputLength: Math.max(1, size) })
    .update('noise').digest().subarray(0, size);
const md5 = (data) => crypto.createHash('md5').update(data).digest('hex');

async function ask(method, path, body) {
    const answer = await fetch(control + path, { method, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer;
}
const fault = (body) => ask('POST', '/faults', body);
const stored = async (id) => Buffer.from(await (await ask('GET', `/content?id=${id}`)).arrayBuffer());
const state = async (folder) => (await ask('GET', `/state?folder=${folder}`)).json();
const newFolder = async () => (await (await ask('POST', '/folder', {})).json()).id;

async function upload(folder, data, name = 'a.bin', more = {}) {
    const made = await drive.files.create({
        requestBody: { name, parents: [folder] }, fields: FIELDS, ...SHARED, ...more,
        media: { mimeType: 'application/octet-stream', body: Readable.from([data]) },
    });
    return made.data;
}

async function download(id, headers = {}) {
    const answer = await drive.files.get({ fileId: id, alt: 'media', ...SHARED }, { responseType: 'arraybuffer', headers });
    return { status: answer.status, data: Buffer.from(answer.data) };
}

// The error of a call that must fail, with this status and Drive's reason.
async function refused(promise, status, reason) {
    const error = await promise.then(() => assert.fail(`no error ${status}`), (found) => found);
    assert.equal(error.status, status, String(error));
    if (reason)
        assert.equal(error.response.data.error.errors[0].reason, reason);
    return error;
}

// A resumable session by hand: the generated methods of this client have none. `send` gets the
// session's address; 308 is an answer here, not a redirect.
async function session(folder, total) {
    const answer = await identity.request({
        url: 'https://www.googleapis.com/upload/drive/v3/files', method: 'POST',
        params: { uploadType: 'resumable', fields: FIELDS, ...SHARED },
        headers: { 'X-Upload-Content-Length': String(total) }, data: { name: 'r.bin', parents: [folder] },
    });
    return answer.headers.get('location');
}
const put = (url, range, data) => identity.request({
    url, method: 'PUT', data, headers: { 'Content-Range': range }, retry: false, timeout: 20000,
    validateStatus: (status) => status < 400, maxRedirects: 0,
});

const steps = {
    async uploadMultipart(folder) {
        for (const size of [0, 1, 70000]) {
            const made = await upload(folder, noise(size));
            assert.equal(made.size, String(size));
            assert.equal(made.md5Checksum, md5(noise(size)));
            assert.deepEqual(await stored(made.id), noise(size));
        }
    },
    async uploadSimple() {
        const made = await persons.files.create({
            media: { mimeType: 'text/plain', body: 'some text' }, fields: FIELDS });
        assert.equal(made.data.name, 'Untitled');
        assert.equal(made.data.mimeType, 'text/plain');
        assert.equal(String(await stored(made.data.id)), 'some text');
    },
    async uploadResumable(folder) {
        const data = noise(2 * QUARTER + 9), total = data.length;
        const url = await session(folder, total);
        const first = await put(url, `bytes 0-${QUARTER - 1}/${total}`, data.subarray(0, QUARTER));
        assert.equal(first.status, 308);
        assert.equal(first.headers.get('range'), `bytes=0-${QUARTER - 1}`);
        const last = await put(url, `bytes ${QUARTER}-${total - 1}/${total}`, data.subarray(QUARTER));
        assert.equal(last.status, 200);
        assert.deepEqual(await stored(last.data.id), data);
    },
    async resumeAfterDroppedConnection(folder) {
        const data = noise(3 * QUARTER), total = data.length;
        const url = await session(folder, total);
        await fault({ method: 'PUT', path: 'upload_id=', action: 'cut_request', after: QUARTER + 1000 });
        await assert.rejects(put(url, `bytes 0-${total - 1}/${total}`, data));
        const asked = await put(url, `bytes */${total}`);
        assert.equal(asked.status, 308);
        const next = Number(asked.headers.get('range').match(/^bytes=0-(\d+)$/)[1]) + 1;
        assert.ok(next > 0 && next < total);
        const last = await put(url, `bytes ${next}-${total - 1}/${total}`, data.subarray(next));
        assert.deepEqual(await stored(last.data.id), data);
        assert.equal((await state(folder)).length, 1);
    },
    async lostAnswer(folder) {
        const data = noise(1000), url = await session(folder, 1000);
        await fault({ method: 'PUT', path: 'upload_id=', action: 'lose' });
        await assert.rejects(put(url, 'bytes 0-999/1000', data));
        const asked = await put(url, 'bytes */1000');
        assert.equal(asked.status, 200);
        assert.equal((await state(folder))[0].id, asked.data.id);
    },
    async downloadAndRanges(folder) {
        const data = noise(QUARTER + 7), { id } = await upload(folder, data);
        assert.deepEqual((await download(id)).data, data);
        for (const [text, from, to] of [['bytes=10-19', 10, 20], ['bytes=-7', data.length - 7], ['bytes=100-', 100]]) {
            const part = await download(id, { Range: text });
            assert.equal(part.status, 206);
            assert.deepEqual(part.data, data.subarray(from, to));
        }
        await refused(download(id, { Range: `bytes=${data.length}-` }), 416);
        const empty = await upload(folder, noise(0));
        assert.equal((await download(empty.id)).data.length, 0);
        await refused(download(empty.id, { Range: 'bytes=0-' }), 416);
    },
    async downloadGoesOn(folder) {
        const data = noise(QUARTER), { id } = await upload(folder, data);
        await fault({ path: 'alt=media', action: 'cut' });
        const parts = [];
        const answer = await drive.files.get({ fileId: id, alt: 'media', ...SHARED }, { responseType: 'stream' });
        await assert.rejects(async () => { for await (const part of answer.data) parts.push(part); });
        const have = Buffer.concat(parts).length;
        assert.ok(have > 0 && have < data.length);
        parts.push((await download(id, { Range: `bytes=${have}-` })).data);
        assert.deepEqual(Buffer.concat(parts), data);
    },
    async list(folder) {
        const names = Array.from({ length: 7 }, (_, number) => `n${number}`);
        for (const name of names)
            await drive.files.create({ requestBody: { name, parents: [folder] }, ...SHARED });
        const found = [];
        let pageToken, pages = 0;
        do {
            const { data } = await drive.files.list({
                q: `'${folder}' in parents and trashed = false`, pageSize: 3, pageToken, orderBy: 'name',
                fields: 'nextPageToken,files(name)', ...LISTED });
            found.push(...data.files.map((file) => file.name));
            pageToken = data.nextPageToken;
            pages++;
        } while (pageToken);
        assert.deepEqual(found, names);
        assert.equal(pages, 3);
        await refused(drive.files.list({ q: 'colour = 3' }), 400, 'invalid');
        await refused(drive.files.list({ fields: 'files(colour)' }), 400, 'invalidParameter');
    },
    async moveAndCopy(folder) {
        const made = await upload(folder, noise(500)), there = await newFolder();
        const moved = await drive.files.update({ fileId: made.id, addParents: there, removeParents: folder,
            requestBody: { name: 'moved' }, fields: FIELDS, ...SHARED });
        assert.deepEqual(moved.data.parents, [there]);
        assert.equal(moved.data.name, 'moved');
        const copied = await drive.files.copy({ fileId: made.id, requestBody: { name: 'copy' }, fields: FIELDS, ...SHARED });
        assert.notEqual(copied.data.id, made.id);
        assert.equal(copied.data.md5Checksum, made.md5Checksum);
        await refused(drive.files.copy({ fileId: folder, ...SHARED }), 403);
    },
    async trash(folder) {
        const { id } = await upload(folder, noise(5));
        for (const trashed of [true, false, true]) {
            const { data } = await drive.files.update({ fileId: id, requestBody: { trashed }, fields: FIELDS, ...SHARED });
            assert.equal(data.trashed, trashed);
        }
        await refused(drive.files.delete({ fileId: id, ...SHARED }), 403, 'insufficientFilePermissions');
        assert.equal((await persons.files.delete({ fileId: id, ...SHARED })).status, 204);
        await refused(drive.files.get({ fileId: id, ...SHARED }), 404, 'notFound');
    },
    async revisions(folder) {
        const { id } = await upload(folder, noise(5));
        await drive.files.update({ fileId: id, keepRevisionForever: true, ...SHARED,
            media: { mimeType: 'application/octet-stream', body: 'second' } });
        await drive.files.update({ fileId: id, ...SHARED, media: { mimeType: 'application/octet-stream', body: '3' } });
        const { data } = await drive.revisions.list({ fileId: id, fields: 'revisions(id,size,keepForever)' });
        assert.deepEqual(data.revisions.map((one) => one.size), ['5', '6', '1']);
        const second = { fileId: id, revisionId: data.revisions[1].id };
        const old = await drive.revisions.get({ ...second, alt: 'media' }, { responseType: 'text' });
        assert.equal(old.data, 'second');
        assert.equal((await drive.revisions.get({ ...second, fields: 'keepForever' })).data.keepForever, true);
    },
    async changes(folder) {
        const { data: { startPageToken } } = await drive.changes.getStartPageToken(SHARED);
        const { id } = await upload(folder, noise(5));
        await drive.files.update({ fileId: id, requestBody: { trashed: true }, ...SHARED });
        const { data } = await drive.changes.list({ pageToken: startPageToken, ...LISTED,
            fields: 'newStartPageToken,changes(fileId,removed,file(trashed))' });
        const mine = data.changes.filter((change) => change.fileId === id).pop();
        assert.deepEqual(mine, { removed: false, fileId: id, file: { trashed: true } });
        assert.ok(data.newStartPageToken > startPageToken);
        await refused(drive.changes.list({ pageToken: '99999999', ...SHARED }), 400, 'invalid');
    },
    async sharedDrives() {
        assert.equal((await drive.drives.get({ driveId: sharedDrive })).data.name, 'Models');
        const { data } = await drive.drives.list({ pageSize: 5, fields: 'drives(id,name)' });
        assert.deepEqual(data.drives, [{ id: sharedDrive, name: 'Models' }]);
        const found = await drive.files.list({ corpora: 'drive', driveId: sharedDrive, fields: 'files(driveId)',
            ...LISTED });
        assert.ok(found.data.files.length && found.data.files.every((file) => file.driveId === sharedDrive));
        await refused(drive.drives.create({ requestId: 'r', requestBody: { name: 'x' } }), 403);
    },
    async reservedId(folder) {
        const { data: { ids: [id] } } = await drive.files.generateIds({ count: 1 });
        const requestBody = { id, name: 'n', parents: [folder] };
        assert.equal((await drive.files.create({ requestBody, ...SHARED })).data.id, id);
        await refused(drive.files.create({ requestBody, ...SHARED }), 409, 'fileIdInUse');
    },
    async noRoom() {
        const error = await refused(drive.files.create({ media: { mimeType: 'text/plain', body: 'x' } }), 403,
            'storageQuotaExceeded');
        assert.match(error.message, /Service Accounts do not have storage quota/);
    },
    async about() {
        await refused(drive.about.get(), 400, 'required');
        const { data } = await persons.about.get({ fields: 'user,storageQuota' });
        assert.equal(data.user.me, true);
        assert.equal(typeof data.storageQuota.usage, 'string');
    },
    async retriesByItself(folder) {
        await fault({ method: 'GET', path: folder, status: 503, reason: 'backendError' });
        assert.equal((await drive.files.get({ fileId: folder, ...SHARED })).data.id, folder);
    },
    async tokenThatEnds(folder) {
        await ask('POST', '/tokens/expire');
        assert.equal((await persons.files.get({ fileId: folder, ...SHARED })).data.id, folder);
    },
};

for (const [step, run] of Object.entries(steps)) {
    const line = { step };
    try {
        await run(await newFolder());
    } catch (error) {
        line.error = error.stack || String(error);
    }
    await ask('DELETE', '/faults');
    console.log(JSON.stringify(line));
}
process.exit(0); // idle connections would keep node waiting
