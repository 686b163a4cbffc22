//! A mail server in memory, for fast tests of our own logic only.
