"""The backend's HTTP interface: thin routers over services."""
