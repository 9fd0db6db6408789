"""What calls used and cost: counted, estimated, priced."""
