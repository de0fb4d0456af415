"""Who the providers are, what their models can do and cost, and which of them a model name means."""
