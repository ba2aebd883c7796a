# Set-up, checks and tests in one command.
.PHONY: test
test:
	export DEBIAN_FRONTEND=noninteractive; dpkg -s libsdl2-dev libasound2-dev libclang-dev cmake nasm ffmpeg xvfb imagemagick >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends build-essential pkg-config libsdl2-dev libasound2-dev libclang-dev clang cmake nasm ffmpeg xvfb imagemagick; }
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked
