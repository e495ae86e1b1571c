"""Step-Audio 2's token2wav: speech codes to a mel spectrogram by flow matching, and to 24 kHz sound."""
