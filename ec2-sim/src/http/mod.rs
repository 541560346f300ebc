//! The HTTP face. (Being written.)
