"""What a memory can be filled from: files in the formats that they come in."""
