"""What is stored of a run beside its log: status changes, history, files, titles."""
