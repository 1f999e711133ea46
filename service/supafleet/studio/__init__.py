"""What the dashboard Studio v1.24.04 asks for, in its own words: the same projects and rules as behind `/v1`."""
