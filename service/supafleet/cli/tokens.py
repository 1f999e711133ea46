"""`supafleet token`: the personal access tokens of one's own account."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from supafleet.cli.client import as_document
from supafleet.cli.output import JsonOption, moment_text, print_fields, print_json, print_note, print_rows
from supafleet.cli.session import open_client
from supafleet.cli.shapes import Token

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make, list and revoke access tokens.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")],
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, max=3650, metavar="DAYS", help="Default: it does not expire.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Make a personal access token; it is printed this one time."""
    with open_client() as client:
        token = client.create_token(name, expires_in_days)
    if is_json:
        print_json(as_document(token))
        return
    print_fields(
        {
            "id": str(token.id),
            "name": token.name,
            "expires": moment_text(token.expires_at),
            "token": token.token,
        }
    )
    print_note("Keep the token: it cannot be shown again.")


@app.command("list")
def list_tokens(is_json: JsonOption = False) -> None:
    """List the tokens of the account."""
    with open_client() as client:
        tokens = client.tokens()
    if is_json:
        print_json([as_document(token) for token in tokens])
        return
    columns = ("ID", "NAME", "TOKEN", "STATE", "EXPIRES", "LAST USED")
    rows = [
        (
            str(token.id),
            token.name,
            f"{token.prefix}...",
            _state(token),
            moment_text(token.expires_at) or "never",
            moment_text(token.last_used_at) or "never",
        )
        for token in tokens
    ]
    print_rows(columns, rows)


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="The token's id, as `token list` shows it.")],
    is_json: JsonOption = False,
) -> None:
    """Revoke an access token at once."""
    with open_client() as client:
        token = client.revoke_token(token_id)
    if is_json:
        print_json(as_document(token))
    else:
        print(f"revoked {token.name} ({token.prefix}...)")


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= datetime.now(UTC) else "valid"
