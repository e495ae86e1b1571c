"""Examples. Each runs on the published checkpoints, or on any folders given as arguments."""
