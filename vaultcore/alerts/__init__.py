"""Alerts on limits: the outbox in the store, and delivery by webhook or SNS."""
