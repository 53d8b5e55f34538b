//! `causeway-hub`.
fn main() {}
