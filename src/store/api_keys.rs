//! API keys: stored as hashes, looked up by them.
