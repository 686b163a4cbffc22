//! Mail servers and the accounts on them that nobody knows.
