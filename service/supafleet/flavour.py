"""Where the images of a project come from."""

from typing import Literal

#: The official images of the release, or the stand-ins that need no registry.
Flavour = Literal["supabase", "sandbox"]
