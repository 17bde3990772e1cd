//! Cosmictron
