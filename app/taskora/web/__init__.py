"""The frontend role's own: pages, browser sessions, the way to the backend, live updates."""
