"""Queries over accounts and tokens."""

from sqlmodel import Session, col, select

from supafleet.accounts.models import AccessToken, Account


def find_account(session: Session, account_id: int) -> Account | None:
    """The account, or None."""
    return session.get(Account, account_id)


def find_first_account(session: Session) -> Account | None:
    """The oldest account, or None before the first start."""
    return session.exec(select(Account).order_by(col(Account.id)).limit(1)).first()


def find_token(session: Session, token_hash: str) -> tuple[AccessToken, Account] | None:
    """The token with this hash and its account, or None."""
    statement = (
        select(AccessToken, Account)
        .join(Account, col(Account.id) == AccessToken.account_id)
        .where(AccessToken.token_hash == token_hash)
    )
    row = session.exec(statement).first()
    return None if row is None else (row[0], row[1])
