# SPDX-License-Identifier: MIT
"""The ledger test: what programs were told is done, against what Drive has in the end. See README.md."""
