"""The catalog: providers, what their models can do and cost, and the route of each model name."""
