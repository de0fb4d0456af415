"""Admission of calls: authentication, reservation before a call, settlement after it."""
