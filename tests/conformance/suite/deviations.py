# SPDX-License-Identifier: MIT
"""Cases that weir does not pass, each with the reason why that is accepted."""

ACCEPTED = {}
