"""How much a voice stays itself from sentence to sentence, as a number; see docs/voices.md."""
