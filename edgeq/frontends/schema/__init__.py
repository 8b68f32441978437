"""The .tflite format: its description, and what is generated from it (see README.md)."""
