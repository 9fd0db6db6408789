"""How the bytes of an answer become events. Pure: it knows no wire, no class of errors and no connection."""
