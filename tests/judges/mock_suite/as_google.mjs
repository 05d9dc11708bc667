// SPDX-License-Identifier: MIT
// Before each test file: node's fetch goes through the CONNECT proxy $HTTPS_PROXY, which node leaves
// to its user. And a note is taken of every test that asks for an address of API v2.
import diagnostics from 'node:diagnostics_channel';
import fs from 'node:fs';
import { ProxyAgent, setGlobalDispatcher } from 'undici';
import { afterEach, beforeEach } from 'vitest';

setGlobalDispatcher(new ProxyAgent(process.env.HTTPS_PROXY));

let askedV2 = false;
diagnostics.subscribe('undici:request:create', ({ request }) => {
    askedV2 ||= /\/drive\/v2\//.test(request.path);
});
beforeEach(() => {
    askedV2 = false;
});
afterEach(({ task }) => {
    if (!askedV2)
        return;
    const names = [];
    for (let one = task; one && one !== task.file; one = one.suite)
        names.unshift(one.name);
    const file = task.file.name.split('/').pop();
    fs.appendFileSync(process.env.ASKED_V2, `${file}: ${names.join(' ')}\n`);
});
