"""Where a request goes, in which order, and what a failure means for the next try: pure decisions."""
