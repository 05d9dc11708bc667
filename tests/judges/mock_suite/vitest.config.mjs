// SPDX-License-Identifier: MIT
// Our settings for google-drive-mock's own tests. One file at a time: they share a folder in Drive.
export default {
    test: {
        include: ['test/**/*.test.ts'],
        setupFiles: ['as_google.mjs'],
        fileParallelism: false,
        testTimeout: 60000,
        hookTimeout: 60000,
    },
};
