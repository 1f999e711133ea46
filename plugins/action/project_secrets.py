"""Action: the secrets of a project, given by the service or kept beside the inventory."""

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase

from supafleet.inventory.secrets_file import bound_to_data, provide_secrets, save_secrets


class ActionModule(ActionBase):
    """Runs on the controller: the host never sees this step."""

    _requires_connection = False
    _VALID_ARGS = frozenset(("given", "file", "volumes"))

    def run(self, tmp=None, task_vars=None):  # type: ignore[no-untyped-def]
        super().run(tmp, task_vars)
        given = {str(name): str(value) for name, value in (self._task.args.get("given") or {}).items()}
        provided = provide_secrets(given)
        changed = False
        lost, volumes = bound_to_data(provided.generated), self._task.args.get("volumes") or []
        if lost and volumes:
            raise AnsibleActionFail(self._what_to_do(lost, volumes))
        if provided.generated and self._task.args.get("file"):
            changed = True
            if not self._task.check_mode:
                self._save(Path(str(self._task.args["file"])), provided.values)
        elif provided.generated:
            missing = ", ".join(provided.generated)
            raise AnsibleActionFail(f"supafleet_secrets lacks: {missing}")
        return {"changed": changed, "provided": provided.values}

    def _what_to_do(self, lost, volumes):  # type: ignore[no-untyped-def]
        where = self._task.args.get("file") or "supafleet_secrets"
        return (
            f"the project has data on the host (volume {sorted(volumes)[0]}) that new secrets would lock out, and "
            f"{len(lost)} of its secrets ({lost[0]}, ...) cannot be found: put them back into {where}, or delete the "
            "project first"
        )

    def _save(self, path, values):  # type: ignore[no-untyped-def]
        vault = self._loader._vault
        encrypt = (lambda text: to_text(vault.encrypt(text))) if vault and vault.secrets else None
        save_secrets(path, values, encrypt)
