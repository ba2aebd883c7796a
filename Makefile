# StreamSocket. `make help` lists what can be made.

PREFIX ?= /usr/local
DESTDIR ?=
bindir = $(DESTDIR)$(PREFIX)/bin
sharedir = $(DESTDIR)$(PREFIX)/share
mandir = $(sharedir)/man/man1
# Where systemd looks for units, and the service for its configuration.
UNITDIR ?= $(PREFIX)/lib/systemd/system
unitdir = $(DESTDIR)$(UNITDIR)
configdir = $(DESTDIR)/etc/streamsocket
gatewaydir = $(DESTDIR)/etc/streamsocket-gateway
relaydir = $(DESTDIR)/etc/streamsocket-relay
origindir = $(DESTDIR)/etc/streamsocket-origin
# Where the programs were built that are installed.
BUILT ?= target/release
CARGO ?= cargo
# Programs for a LAN; by itself cargo builds the first two.
LAN = -p streamsocket-program -p streamsocket-receiver-program -p streamsocket-gateway -p streamsocket-relay
# All programs. Who only tries the demo need not wait for the origin.
ALL = $(LAN) -p streamsocket-origin
# What the tests run, with the tests themselves: always all of it. Of another choice what they use has other features, and is
# built again.
WORKSPACE = --workspace --locked
# The simulated viewers of tests/examples.
VIEWERS = --features streamsocket-tests/viewers
# Man pages and completions are written by an example each; those of their packages are built, or the choice above.
PAGES = man receiver-man gateway-man relay-man origin-man
COMPLETIONS = completions receiver-completions gateway-completions relay-completions origin-completions
WRITERS = --locked -p streamsocket -p streamsocket-receiver -p streamsocket-gateway -p streamsocket-relay -p streamsocket-origin
# What `make check` does about warnings.
DENY = -D warnings
# Where rustup puts it, also in a shell that has not heard of it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)
# Where everything here looks for what was built, wherever this user's cargo builds otherwise.
export CARGO_TARGET_DIR := $(CURDIR)/target
# A workspace of its own.
fuzz fuzz-smoke: export CARGO_TARGET_DIR := $(CURDIR)/fuzz/target

.PHONY: help demo demo-room demo-origin demo-delivery test test-unit sim long variants latency bench test-all board-test gateway-test room-test origin-test delivery-test players-test board-bench board-shell check fuzz fuzz-smoke sanitize build build-all man install uninstall msrv deny clean setup-build setup-test packages-test service-test screen-test arm-test cross-check completions deb origin-bench delivery-bench

help: ## this list
	@printf 'StreamSocket: camera and microphone to any number of viewers on the LAN\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r name what; do printf '  make %-14s  %s\n' "$$name" "$$what"; done
	@printf '\nVariables: PREFIX=%s  DESTDIR=  DEMO_LAN=1 (the demo goes to the LAN)\n' '$(PREFIX)'

demo: setup-build ## install what is missing, build, and play the camera or the test picture here, and in a browser
	@[ -x target/release/streamsocket-gateway ] || \
		echo 'demo: building the daemon, the receiver and the gateway, which takes 2 to 10 minutes on a PC'
	$(CARGO) build --release --locked $(LAN)
	scripts/demo

demo-room: setup-build ## the same with a relay and two who publish to it: a room in a window, and in a browser
	$(CARGO) build --release --locked $(LAN)
	scripts/demo-room

demo-origin: setup-build ## the daemon and the origin: live and stored in a browser, by HLS, as viewers far away see it
	@scripts/setup sound-encoder
	$(CARGO) build --release --locked $(ALL)
	scripts/demo-origin

demo-delivery: setup-build ## the test picture to a browser through DNS, HAProxy and Varnish, all on this machine, as root: a screenshot with how late it is
	@scripts/setup sound-encoder page origin delivery
	$(CARGO) build --release --locked $(ALL)
	scripts/demo-delivery

# A newer Rust than CI's warns of more: that must not fail the first try of a newcomer. CHECKED=1: it has been checked before.
test: DENY =
# `bounds` counts the instructions of what is built so, as it is unless the user's cargo is told otherwise.
test: export CARGO_INCREMENTAL = 1
test: setup-test $(if $(CHECKED),,check) ## install what is missing, check the source, run the tests that need no VM
	$(CARGO) build $(WORKSPACE)
	$(CARGO) test $(WORKSPACE) --no-fail-fast
	@$(MAKE) --silent man completions WRITERS='$(WORKSPACE)'
	@echo 'board tests: not run, because they need a virtual machine: make board-test'

# What ffmpeg reads or is asked by is left to `make test`.
test-unit: setup-build ## the tests beside the code alone, without ffmpeg, GStreamer and tshark; 2 minutes
	$(CARGO) test --workspace --exclude streamsocket-tests --exclude streamsocket-benches --lib --bins --examples --locked -- \
		--skip capture::child::tests --skip recorder::tests

check: ## format, lints and documentation, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(WORKSPACE) --all-targets -- $(DENY)
	$(CARGO) clippy $(WORKSPACE) --test hardware --test gateway --test relay --test origin --test delivery --test players -- $(DENY)
	RUSTDOCFLAGS='$(DENY)' $(CARGO) doc --workspace --no-deps --locked --quiet

sim: ## the tables of the simulator: days of clocks, losses and repair, crowds; 15 minutes (SIM_SEED=N: another chance)
	SIM_FRAMES=10000 $(CARGO) test -q $(WORKSPACE) --test sim -- --nocapture --test-threads=1

long: ## what takes its time: links that are down, receivers that are stopped, strangers who do harm, clocks, losses beside GStreamer, odd devices, rooms, sound and pictures of the origin, layers of delivery that die under players; 2 hours
	$(CARGO) build $(WORKSPACE)
	LONG_TESTS=1 $(CARGO) test -q $(WORKSPACE) --test end_to_end -- network hostile strangers losses clocks stops readers joining foreign tier_choice odd_ recordings http_cameras announced opus files descriptions rooms users control reloading notify sources cameras receivers allocations pausing readme::a_room --nocapture
	LONG_TESTS=1 $(CARGO) test -q $(WORKSPACE) --test relay -- in_step kills links --nocapture
	LONG_TESTS=1 $(CARGO) test -q $(WORKSPACE) --test origin -- in_step --nocapture
	@scripts/setup page origin delivery
	$(CARGO) build $(WORKSPACE) $(VIEWERS) --example viewers
	LONG_TESTS=1 $(CARGO) test -q $(WORKSPACE) --test delivery -- --nocapture

variants: ## the table of what becomes of every kind of JPEG, here and at GStreamer's and ffmpeg's senders; 15 minutes
	$(CARGO) build $(WORKSPACE)
	LONG_TESTS=1 $(CARGO) test -q $(WORKSPACE) --test end_to_end every_kind_of_jpeg -- --nocapture

latency: ## what repair and pacing cost: bytes on the wire, and time until a picture is decoded; 3 minutes
	$(CARGO) build --release --locked --workspace
	$(CARGO) run -q --release --locked -p streamsocket-tests --example latency

bench: setup-test ## what a picture costs, beside GStreamer, ffmpeg, uStreamer and the kernel alone; 50 minutes (BENCH='--only receiving', BENCH=--help)
	$(CARGO) build --release --locked --workspace
	STREAMSOCKET_BINARIES=target/release target/release/bench $(BENCH)
	$(CARGO) bench --locked -p streamsocket-benches --bench stages

# Without link-time optimization, which takes as long as the rest of the build and changes little here: the encoders are C.
# In a folder of its own, so that nobody installs what was built so.
origin-bench: setup-test ## what the origin costs, how late it is and how alike its pictures are, beside ffmpeg and GStreamer; 8 minutes (ORIGIN_BENCH=glass: a part; scripts/origin-bench says which)
	@scripts/setup page
	$(CARGO) build --release --locked --config profile.release.lto=false --config profile.release.codegen-units=16 \
		--target-dir $(CARGO_TARGET_DIR)/measured -p streamsocket-origin -p streamsocket-program -p streamsocket-transcode --bins --example cost
	scripts/origin-bench

# As above.
delivery-bench: setup-test ## what caches and load balancers carry before the origin, with up to 500 simulated viewers, beside their peers; 7 minutes (DELIVERY_BENCH=varnish: a layer; scripts/delivery-bench says which)
	@scripts/setup delivery
	$(CARGO) build --release --locked --config profile.release.lto=false --config profile.release.codegen-units=16 \
		--target-dir $(CARGO_TARGET_DIR)/measured -p streamsocket-origin -p streamsocket-program -p streamsocket-tests $(VIEWERS) --bins \
		--example viewers --example scale
	scripts/delivery-bench

fuzz: ## what decodes what comes from outside, fuzzed; 3 hours (FUZZ_SECONDS=N: so long for each target)
	scripts/fuzz

fuzz-smoke: ## does every fuzz target pass the lints, build and begin? 5 seconds each
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --all --check
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --manifest-path fuzz/Cargo.toml --quiet --locked -p streamsocket-seeds
	scripts/fuzz smoke

sanitize: ## the decoders' tests under Miri, those of the unsafe code under AddressSanitizer
	scripts/sanitize

board-test: ## the tests with cameras, microphones and networks, in a virtual machine (ARCH=arm64: on ARM)
	board/test

gateway-test: ## the page, streams and snapshots, asked for by browsers and programs; 4 minutes
	@scripts/setup build test page
	$(CARGO) build $(WORKSPACE)
	$(CARGO) test $(WORKSPACE) --test gateway

room-test: ## the relay: publishers of all kinds, exact, killed, stopped, lying; 4 minutes
	@scripts/setup build test
	$(CARGO) build $(WORKSPACE)
	$(CARGO) test --no-run $(WORKSPACE) --test relay
	timeout 300 $(CARGO) test $(WORKSPACE) --test relay

origin-test: ## the origin: validators, players, caches, killed, full disks, gaps, links; 4 minutes
	@scripts/setup build test page origin
	$(CARGO) build $(WORKSPACE)
	$(CARGO) test --no-run $(WORKSPACE) --test origin
	timeout 300 $(CARGO) test $(WORKSPACE) --test origin

delivery-test: ## DNS, HAProxy, Varnish, nginx and two origins on this machine, as root: viewers, browsers, each layer killed; 5 minutes
	@scripts/setup build test page origin delivery
	$(CARGO) build $(WORKSPACE) --bins
	$(CARGO) clippy $(WORKSPACE) $(VIEWERS) --example viewers --example scale -- $(DENY)
	$(CARGO) test --locked -p streamsocket-tests $(VIEWERS) --example viewers --example scale
	$(CARGO) build --locked -p streamsocket-tests $(VIEWERS) --example viewers
	$(CARGO) test --no-run $(WORKSPACE) --test delivery
	timeout 300 $(CARGO) test $(WORKSPACE) --test delivery

players-test: ## RTSP, asked for by players that are no packages of Debian's; 3 minutes with what they need
	@scripts/setup build test players
	$(CARGO) build $(WORKSPACE)
	$(CARGO) test $(WORKSPACE) --test players

board-bench: ## what a camera's pictures cost, beside a program that does nothing with them; 5 minutes
	board/test --ignored what_a_camera_costs

packages-test: ## the packages installed, run, upgraded and purged on the virtual board; 4 minutes
	board/packages-test

service-test: ## the service under systemd on the virtual board: reloaded, killed, stuck, rebooted; 5 minutes
	board/service-test

screen-test: ## the receiver's service on a screen without a desktop, on the virtual board; 5 minutes
	board/screen-test

arm-test: ## the wire and end-to-end tests with programs for 64-bit ARM, emulated; 8 minutes
	cross/test

cross-check: ## both programs for 64-bit and 32-bit ARM by cross, with Docker or podman; 5 minutes
	cross/check

board-shell: ## a shell in that machine
	board/vm/vm shell

test-all: test sim long variants board-test gateway-test room-test origin-test delivery-test players-test packages-test service-test screen-test arm-test cross-check msrv deny fuzz-smoke sanitize ## everything, the slow part too

build: setup-build ## both programs, optimized, in target/release
	$(CARGO) build --release --locked

build-all: setup-build ## the gateway, the relay and the origin, too, optimized, in target/release
	$(CARGO) build --release --locked $(ALL)

man: ## the man pages, in target/man
	$(CARGO) build --quiet $(WRITERS) $(PAGES:%=--example %) $(COMPLETIONS:%=--example %)
	for page in $(PAGES); do target/debug/examples/$$page target/man || exit 1; done
	@# What stands under the options, as it is there.
	sed -i -e 's/^\.SH EXTRA$$/.SH "NOTES"\n.nf/' -e 's/^\.SH VERSION$$/.fi\n&/' target/man/*.1

completions: ## completions for bash, zsh and fish, in target/completions
	$(CARGO) build --quiet $(WRITERS) $(PAGES:%=--example %) $(COMPLETIONS:%=--example %)
	for program in $(COMPLETIONS); do target/debug/examples/$$program target/completions || exit 1; done

deb: ## Debian packages for amd64 and arm64, in target/deb
	scripts/deb

install: ## what was built, below DESTDIR and PREFIX; with the gateway, the relay and the origin, if they were
	@test -x '$(BUILT)/streamsocket' -a -x '$(BUILT)/streamsocket-receiver' || \
		{ echo 'nothing is built yet: run "make build" first, as an ordinary user' >&2; exit 1; }
	install -d '$(bindir)' '$(unitdir)' '$(configdir)'
	@# What the user has written stays.
	for file in streamsocket.toml receiver.env; do \
		[ -e '$(configdir)'/$$file ] || install -m 644 systemd/$$file '$(configdir)' || exit 1; \
	done
	programs='streamsocket streamsocket-receiver'; \
	if [ -x '$(BUILT)/streamsocket-gateway' ]; then \
		programs="$$programs streamsocket-gateway"; \
		install -d '$(gatewaydir)'; \
		[ -e '$(gatewaydir)/gateway.toml' ] || install -m 644 systemd/gateway.toml '$(gatewaydir)' || exit 1; \
	fi; \
	if [ -x '$(BUILT)/streamsocket-relay' ]; then \
		programs="$$programs streamsocket-relay"; \
		install -d '$(relaydir)'; \
		[ -e '$(relaydir)/relay.toml' ] || install -m 644 systemd/relay.toml '$(relaydir)' || exit 1; \
	fi; \
	if [ -x '$(BUILT)/streamsocket-origin' ]; then \
		programs="$$programs streamsocket-origin"; \
		install -d '$(origindir)'; \
		[ -e '$(origindir)/origin.toml' ] || install -m 644 systemd/origin.toml '$(origindir)' || exit 1; \
	fi; \
	for program in $$programs; do \
		install -m 755 '$(BUILT)'/$$program '$(bindir)' || exit 1; \
		[ -d target/completions ] || continue; \
		install -Dm 644 target/completions/$$program.bash '$(sharedir)'/bash-completion/completions/$$program && \
		install -Dm 644 target/completions/_$$program '$(sharedir)'/zsh/vendor-completions/_$$program && \
		install -Dm 644 target/completions/$$program.fish '$(sharedir)'/fish/vendor_completions.d/$$program.fish || exit 1; \
	done
	for page in target/man/*.1; do \
		case $$page in \
			target/man/streamsocket-gateway*) [ -x '$(BUILT)/streamsocket-gateway' ] || continue ;; \
			target/man/streamsocket-relay*) [ -x '$(BUILT)/streamsocket-relay' ] || continue ;; \
			target/man/streamsocket-origin*) [ -x '$(BUILT)/streamsocket-origin' ] || continue ;; \
		esac; \
		[ ! -e "$$page" ] || install -Dm 644 -t '$(mandir)' "$$page" || exit 1; \
	done
	for unit in systemd/*.service; do \
		[ "$$unit" != systemd/streamsocket-gateway.service -o -x '$(BUILT)/streamsocket-gateway' ] || continue; \
		[ "$$unit" != systemd/streamsocket-relay.service -o -x '$(BUILT)/streamsocket-relay' ] || continue; \
		[ "$$unit" != systemd/streamsocket-origin.service -o -x '$(BUILT)/streamsocket-origin' ] || continue; \
		sed 's|/usr/local/bin/|$(PREFIX)/bin/|' "$$unit" >'$(unitdir)'/"$${unit##*/}" && \
		chmod 644 '$(unitdir)'/"$${unit##*/}" || exit 1; \
	done
	if [ -z '$(DESTDIR)' ]; then \
		getent group streamsocket >/dev/null || groupadd --system streamsocket; \
		if [ -x '$(BUILT)/streamsocket-relay' ]; then \
			getent group streamsocket-rooms >/dev/null || groupadd --system streamsocket-rooms; \
			chgrp streamsocket-rooms '$(relaydir)'; \
		fi; \
		[ ! -x '$(BUILT)/streamsocket-origin' ] || chgrp streamsocket '$(origindir)'; \
		[ ! -d /run/systemd/system ] || systemctl daemon-reload; \
	fi

uninstall: ## what install put there; a configuration that was changed stays
	if [ -z '$(DESTDIR)' ] && [ -e '$(unitdir)/streamsocket.service' ] && [ -d /run/systemd/system ]; then \
		systemctl stop 'streamsocket@*.service' 'streamsocket-rpicam@*.service' || true; \
		systemctl disable --now streamsocket.service streamsocket-receiver.service || true; \
		[ ! -e '$(unitdir)/streamsocket-gateway.service' ] || systemctl disable --now streamsocket-gateway.service || true; \
		[ ! -e '$(unitdir)/streamsocket-relay.service' ] || systemctl disable --now streamsocket-relay.service || true; \
		[ ! -e '$(unitdir)/streamsocket-origin.service' ] || systemctl disable --now streamsocket-origin.service || true; \
		rm -f /etc/systemd/system/*.wants/streamsocket@*.service /etc/systemd/system/*.wants/streamsocket-rpicam@*.service; \
	fi
	for unit in systemd/*.service; do rm -f '$(unitdir)'/"$${unit##*/}"; done
	@# What a Debian package has as well stays its own.
	packaged() { [ -z '$(DESTDIR)' ] && [ -e /lib/systemd/system/$$1.service ]; }; \
	unchanged() { if cmp -s systemd/$$1 "$$2"/$$1; then rm "$$2"/$$1; fi; }; \
	if ! packaged streamsocket; then unchanged streamsocket.toml '$(configdir)'; unchanged receiver.env '$(configdir)'; fi; \
	if ! packaged streamsocket-gateway; then unchanged gateway.toml '$(gatewaydir)'; fi; \
	if ! packaged streamsocket-relay; then unchanged relay.toml '$(relaydir)'; fi; \
	if ! packaged streamsocket-origin; then unchanged origin.toml '$(origindir)'; fi; \
	for folder in '$(configdir)' '$(gatewaydir)' '$(relaydir)' '$(origindir)'; do \
		[ ! -d "$$folder" ] || rmdir --ignore-fail-on-non-empty "$$folder"; \
	done; \
	if [ -z '$(DESTDIR)' ] && ! packaged streamsocket && ! packaged streamsocket-gateway && ! packaged streamsocket-origin; then \
		[ ! -d '$(origindir)' ] || chgrp root '$(origindir)'; \
		! getent group streamsocket >/dev/null || groupdel streamsocket; \
	fi; \
	if [ -z '$(DESTDIR)' ] && ! packaged streamsocket-relay; then \
		[ ! -d '$(relaydir)' ] || chgrp root '$(relaydir)'; \
		! getent group streamsocket-rooms >/dev/null || groupdel streamsocket-rooms; \
	fi
	[ -n '$(DESTDIR)' ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
	for program in streamsocket streamsocket-receiver streamsocket-gateway streamsocket-relay streamsocket-origin; do \
		rm -f '$(bindir)'/$$program '$(mandir)'/$$program.1; \
		rm -f '$(sharedir)'/bash-completion/completions/$$program '$(sharedir)'/zsh/vendor-completions/_$$program; \
		rm -f '$(sharedir)'/fish/vendor_completions.d/$$program.fish; \
	done
	rm -f '$(mandir)'/streamsocket-*.1

msrv: ## does the oldest supported Rust still compile it?
	scripts/msrv $(CARGO)

deny: ## licences and advisories of the dependencies (cargo-deny)
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

clean: ## remove what was built
	$(CARGO) clean

setup-build:
	@scripts/setup build

setup-test:
	@scripts/setup build test
