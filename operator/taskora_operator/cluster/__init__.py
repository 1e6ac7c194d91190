"""Adapters: the API server, its objects as they are watched, the Lease, Kafka's admin API, what the cluster can do."""
