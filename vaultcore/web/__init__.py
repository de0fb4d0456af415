"""HTTP endpoints: they read requests, ask the gateway and write answers. No decision is made here."""
