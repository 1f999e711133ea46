"""Reference pages that are generated, so that they cannot differ from what they describe."""
