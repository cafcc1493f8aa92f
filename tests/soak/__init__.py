"""Checks that take minutes: `make soak` runs each of these modules."""
