"""Where a reading of logs goes on: a small file on the host for each reading, with times and counts, never a line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time

OLD_SECONDS = 86400
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class LogCursor:
    """The file of one reading. Without an id nothing is kept, and one answer is the whole reading."""

    def __init__(self, data_root, cursor_id):
        if cursor_id and not _ID.fullmatch(cursor_id):
            raise ValueError("cursor must be 1 to 64 letters, digits and hyphens")
        self._folder = os.path.join(data_root, "cursors")
        self._path = os.path.join(self._folder, cursor_id + ".json") if cursor_id else None

    def load(self):
        """What `begin` or `save` kept, or None when the reading begins."""
        if self._path is None:
            return None
        try:
            with open(self._path, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def begin(self, state):
        """Make the file, which only its owner may read, and remove those that killed readings left."""
        if self._path is None:
            return
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        remove_old(self._folder, time.time())
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(state, file)

    def save(self, state):
        """Keep the state; False when the reading is over.

        The file is never made anew here: whoever removed it has ended the reading, and this process may be one that
        nobody listens to any more.
        """
        if self._path is None:
            return False
        try:
            with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_TRUNC), "w") as file:
                json.dump(state, file)
        except FileNotFoundError:
            return False
        return True

    def end(self):
        """Remove the file."""
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)


def remove_old(folder, now):
    """Remove the files of readings that ended without a word more than a day ago."""
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            if entry.name.endswith(".json") and now - entry.stat().st_mtime > OLD_SECONDS:
                os.unlink(entry.path)
