"""What the modules that work on one project have in common."""


class ModuleDocFragment:
    """Options by the name of their fragment."""

    PROJECT = r"""
options:
  project:
    description: Ref of the project.
    type: str
    required: true
  installation:
    description: Name of the installation whose project it is; what another one made is not looked at.
    type: str
    required: true
"""

    LOCK = r"""
options:
  lock:
    description: The project's lock that the run holds; it is kept alive while the module works, and when it was lost
      nothing is begun.
    type: dict
    required: true
    suboptions:
      data_root:
        description: Folder of Supafleet's own data on the host.
        type: path
        required: true
      project:
        description: Ref of the project.
        type: str
        required: true
      run:
        description: Id of the run.
        type: str
        required: true
"""
