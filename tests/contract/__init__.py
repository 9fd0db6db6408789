"""What every wire has to get right, held against real streams and a reading by another hand."""
