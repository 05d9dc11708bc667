// SPDX-License-Identifier: MIT
// google-drive-mock as a server, from the installed package and unchanged. Prints its port; ends when
// its standard input does. Before it stands the one method without which no careful client can work,
// and which the mock lacks: files.generateIds (it does take ids that clients bring along).
import crypto from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(process.env.JUDGES + '/');
const express = require('express');
const { createApp } = require('google-drive-mock');

const app = express();
app.get('/drive/v3/files/generateIds', (request, response) => {
    const count = Number(request.query.count || 10);
    const ids = Array.from({ length: count }, () => crypto.randomBytes(24).toString('base64url'));
    response.json({ kind: 'drive#generatedIds', space: 'drive', ids });
});
app.use(createApp());
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
