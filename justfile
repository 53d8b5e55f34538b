# Short names for the commands of this repository; `just` lists them.

_default:
    @just --list

# Everything that has to pass; arguments choose tests.
test *ARGS:
    ./test {{ARGS}}

# A site, its store, its hub and the dashboard, on this machine.
demo *ARGS:
    cargo run -p causeway-hub -- demo {{ARGS}}

# The benches: rates and peak memory, with the aims beside them.
bench *ARGS:
    ./bench {{ARGS}}

# Formatting, lints and documentation, as CI asks for them.
lint:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

fmt:
    cargo fmt
