"""Action: bring the archive of edge functions to the host as a file, then let the module unpack it there."""

import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """The archive is read by the transfer alone: it is in no variable and in no argument."""

    TRANSFERS_FILES = True
    _VALID_ARGS = frozenset(("root", "index", "archive", "lock"))

    def run(self, tmp=None, task_vars=None):  # type: ignore[no-untyped-def]
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            if not self._task.check_mode:
                folder = self._make_tmp_path()
                remote = self._connection._shell.join_path(folder, "functions.tar.gz")
                self._transfer_file(os.fspath(arguments["archive"]), remote)
                self._fixup_perms2((folder, remote))
                arguments["archive"] = remote
            return self._execute_module(module_name="function_files", module_args=arguments, task_vars=task_vars)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
