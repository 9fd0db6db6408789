"""How what is stored is made small: compression, and the pieces that payloads share."""
