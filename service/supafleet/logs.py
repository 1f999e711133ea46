"""Structured logs: one event a line, named noun.verb, never with a secret."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from supafleet.settings import Settings

_SECRET = re.compile("password|secret|token|authorization|api_key|master_key|db_pass", re.IGNORECASE)


def configure_logging(settings: Settings) -> None:
    """Send our own log and that of libraries to standard error in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    is_json = settings.log_format == "json"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    # Rich tracebacks print local variables, which may be secrets: only plain ones are formatted.
    endings = [structlog.processors.format_exc_info, renderer] if is_json else [renderer]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *endings],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    # Its access log would repeat ours; its lines hold the whole URL with the query.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for noisy in ("httpx", "httpcore"):  # the second would tell all headers, and with them keys
        logging.getLogger(noisy).setLevel(logging.WARNING)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of keys that sound secret: a second line of defence, nobody logs them on purpose."""
    for key in event:
        if _SECRET.search(key):
            event[key] = "(hidden)"
    return event
