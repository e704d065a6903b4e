"""The report of a night: pages for people, that need nothing but a browser."""
