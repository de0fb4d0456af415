"""The way in and out: who asks, whether there is room, and what it took in the end."""
