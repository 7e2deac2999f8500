"""Model files on this machine: where they are, and how they are downloaded."""
