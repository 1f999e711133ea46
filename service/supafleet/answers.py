"""Answers in the form that official clients expect."""

from fastapi import Response, status


def empty(status_code: int = status.HTTP_200_OK) -> Response:
    """Of an operation whose official answer has no content clients expect no body and no content type."""
    return Response(status_code=status_code, headers={"Content-Length": "0"})
