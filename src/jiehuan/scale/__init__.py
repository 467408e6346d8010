"""Beyond one machine: streams and distributed batch."""
