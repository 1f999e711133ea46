"""Deployed edge functions on a host: one folder per version, and an index that says which of them answer."""

from __future__ import annotations

import json
import os

FOLDER = os.path.join("functions", ".deployed")
INDEX = os.path.join(FOLDER, "index.json")


def read_index(root):
    """The index on the host as text; empty when there is none."""
    try:
        with open(os.path.join(root, INDEX), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def folders_of(text):
    """Folder by function of an index; none of one that nobody can read."""
    try:
        return {slug: entry["folder"] for slug, entry in json.loads(text or "{}").items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def functions_differ(root, wanted):
    """Whether the host's index or a folder it names is not the wanted one.

    A folder is named after the digest of its content and appears whole or not at all, so that it is there is enough.
    """
    if (read_index(root) or "{}") != (wanted or "{}"):
        return True
    return any(not os.path.isdir(os.path.join(root, FOLDER, name)) for name in folders_of(wanted).values())
