"""Deletes what is older than the settings ``RUNNEL_RETENTION_…`` allow, and the contents of users on request.

Statistics and costs stay: runs and steps keep their rows without what was said. Everything is deleted in short
transactions with pauses between them, beside live traffic, and by one process at a time.
"""
