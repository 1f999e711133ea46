"""Release data turned into the files of one project: pure functions, no engine, no network, no clock."""

from supafleet.stack.errors import RenderError
from supafleet.stack.render import RenderedFile, RenderedProject, render_project
from supafleet.stack.settings import ProjectSettings, SettingsError, parse_settings

__all__ = [
    "ProjectSettings",
    "RenderError",
    "RenderedFile",
    "RenderedProject",
    "SettingsError",
    "parse_settings",
    "render_project",
]
