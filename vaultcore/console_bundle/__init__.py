"""Bundles the console's files into one page, one script and one style sheet, and the offline vault page."""
