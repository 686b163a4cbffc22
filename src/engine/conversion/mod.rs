//! Conversions, step by step, each with its saved place.
