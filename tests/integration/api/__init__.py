"""The API in process."""
