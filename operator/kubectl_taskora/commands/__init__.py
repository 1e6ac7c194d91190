"""One module for each thing a person asks for: it reads, decides by pure functions, acts, and answers."""
