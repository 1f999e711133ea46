"""What is an outage of the database, after which a run goes on, and what is a failure that ends it."""

from sqlalchemy import exc

_AWAY = (exc.OperationalError, exc.InterfaceError, exc.DisconnectionError, exc.TimeoutError)
#: What a connection that broke in the middle of a transaction leaves behind, but for answers of an unexpected length.
_BROKEN = exc.InvalidRequestError
_ANSWERED = (exc.NoResultFound, exc.MultipleResultsFound)


def is_outage(error: Exception) -> bool:
    """Whether the database could not be asked. One that refused what it was asked would refuse it again."""
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, _AWAY) or (isinstance(error, _BROKEN) and not isinstance(error, _ANSWERED))
