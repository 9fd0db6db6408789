"""Text that a provider or a model has written: cleaned, read as arguments, shown without hiding anything."""
