"""What Lambda starts. Only these modules act when imported, and none opens a connection or a vault."""
