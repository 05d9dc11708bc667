# SPDX-License-Identifier: MIT
"""The local Drive: an emulator of Google Drive API v3 for tests, on loopback only."""
