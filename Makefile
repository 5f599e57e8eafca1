# Vọng Gác, for people and for continuous integration. GNU make 4.3 or later; every target can be run again, also after an interruption:
# whatever is downloaded or built goes to a name of its own first and is renamed when it is whole.
#
# Needed beforehand: Rust 1.95 and Node 20.19 with npm. Everything else is Debian's and is looked after by `make deps`.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
# A recipe is one script, ended by its first failing line; what changes directory does it in parentheses.
.ONESHELL:
.SUFFIXES:

TARGET  := $(or $(CARGO_TARGET_DIR),target)
SERVERS := $(TARGET)/servers
CARGO   ?= cargo
NPM     ?= npm
MVN     ?= mvn

# Given to `vonggac up`: make up UP_FLAGS='--console-port 9000'. SAMPLE= leaves the sample traffic out.
UP_FLAGS ?=
SAMPLE   ?= --sample
# Given to the benchmarks: make bench BENCH_FLAGS='capture.pcap'.
BENCH_FLAGS ?=
# Given to the tests: make test TEST_FLAGS='spine -- --nocapture'.
TEST_FLAGS ?=
# Seconds for each fuzz target of `make fuzz`.
FUZZ_SECONDS ?= 30

RELEASE := $(TARGET)/release/vonggac

.PHONY: help
help: ## Lists the targets.
	@echo 'Vọng Gác. Targets:'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14
	@echo 'Settings: UP_FLAGS, SAMPLE, TEST_FLAGS, BENCH_FLAGS, FUZZ_SECONDS, CARGO_TARGET_DIR.'

# ---------------------------------------------------------------------------------------------------------------- running

.PHONY: up build
up: deps servers build ## Builds and starts everything on this machine, with sample traffic; prints the console's address.
	@exec $(RELEASE) up --servers $(SERVERS) $(SAMPLE) $(UP_FLAGS)

build: deps web ## Builds the vonggac binary in release, with the console in it.
	$(CARGO) build --release --locked -p vonggac

# ------------------------------------------------------------------------------------------------ what the machine must have

# Each line: what is looked for, and Debian's package that brings it. Looked for by file or command, not by package, so that what was
# installed in another way counts.
.PHONY: deps test-deps
deps: ## Installs what is missing from Debian (as root; otherwise says what to run).
	@missing=''
	have() { command -v "$$1" >/dev/null 2>&1; }
	need() { have "$$1" || missing="$$missing $$2"; }
	have $(CARGO) || { echo 'make: cargo is missing: install Rust 1.95 or later' >&2; exit 1; }
	if ! have node || ! have $(NPM); then
	  echo 'make: node or npm is missing: install Node 20.19 or later with npm 10 or later (the node of Debian 12 itself is too old)' >&2
	  exit 1
	fi
	if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; then
	  echo "make: node $$(node --version) is too old: 20.19 or later is needed" >&2
	  exit 1
	fi
	need cc build-essential
	need c++ build-essential
	need pkg-config pkg-config
	compgen -G '/usr/include/openssl/ssl.h' >/dev/null || missing="$$missing libssl-dev"
	need java default-jre-headless
	need $(MVN) maven
	need setpriv util-linux
	need ip iproute2
	need git git
	compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing="$$missing postgresql"
	if [ '$(WITH_TESTS)' = yes ]; then
	  need chromium chromium
	  /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || missing="$$missing python3-aiosmtpd"
	  need javac default-jdk-headless
	  python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$$missing python3-venv"
	  compgen -G '/usr/share/fonts/truetype/*/*.ttf' >/dev/null || missing="$$missing fonts-dejavu-core"
	fi
	missing="$$(tr ' ' '\n' <<<"$$missing" | sed '/^$$/d' | sort -u | tr '\n' ' ')"
	[ -n "$$missing" ] || exit 0
	if [ "$$(id -u)" != 0 ]; then
	  echo "make: missing on this machine; run this, then make again:" >&2
	  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $$missing" >&2
	  exit 1
	fi
	have apt-get || { echo "make: missing on this machine: $$missing" >&2; exit 1; }
	echo "make: installing $$missing"
	export DEBIAN_FRONTEND=noninteractive
	dpkg --configure -a
	# Debian's PostgreSQL makes and starts a cluster of its own when it is installed. Ours is private, so not this time.
	quiet=/etc/postgresql-common/createcluster.d/vonggac.conf
	case " $$missing " in
	  *' postgresql '*)
	    mkdir -p "$$(dirname $$quiet)"
	    trap 'rm -f '$$quiet EXIT
	    echo 'create_main_cluster = false' >$$quiet ;;
	esac
	apt-get update -q
	apt-get install -y -q --no-install-recommends $$missing

test-deps:
	@$(MAKE) --no-print-directory deps WITH_TESTS=yes

# ------------------------------------------------------------------------------------- servers: Kafka's jars, ClickHouse's engine

KAFKA_POM        := pipeline/bus/kafka/pom.xml
ENGINE           := pipeline/embedded/engine
KAFKA_STAMP      := $(SERVERS)/kafka/.complete
CLICKHOUSE_STAMP := $(SERVERS)/clickhouse/.complete

.PHONY: servers
servers: $(KAFKA_STAMP) $(CLICKHOUSE_STAMP) ## Fetches Kafka's jars (Maven) and the ClickHouse engine (npm).

$(KAFKA_STAMP): $(KAFKA_POM)
	rm -rf $(SERVERS)/kafka.new
	mkdir -p $(SERVERS)/kafka.new
	$(MVN) -q -B -f $(KAFKA_POM) dependency:copy-dependencies -DincludeScope=runtime \
	  -DoutputDirectory=$(abspath $(SERVERS))/kafka.new/libs
	rm -rf $(SERVERS)/kafka
	mv $(SERVERS)/kafka.new $(SERVERS)/kafka
	touch $@

# `install`, not `ci`: the lock file holds the engine of the machine kind it was made on, and `ci` refuses what it lacks for others.
$(CLICKHOUSE_STAMP): $(ENGINE)/package.json $(ENGINE)/package-lock.json $(ENGINE)/.npmrc
	rm -rf $(SERVERS)/clickhouse.new
	mkdir -p $(SERVERS)/clickhouse.new
	cp $^ $(SERVERS)/clickhouse.new
	(cd $(SERVERS)/clickhouse.new && $(NPM) install --no-save --ignore-scripts)
	rm -rf $(SERVERS)/clickhouse
	mv $(SERVERS)/clickhouse.new $(SERVERS)/clickhouse
	ls $(SERVERS)/clickhouse/node_modules/@chdb/*/libchdb.so
	touch $@

# ------------------------------------------------------------------- clients of ClickHouse, which the tests of the embedded one run

CLIENTS        := $(TARGET)/clients
CLIENT_SUITES  := tests/clients
PYTHON_STAMP   := $(CLIENTS)/venv/.complete
JDBC_STAMP     := $(CLIENTS)/jdbc/.complete

.PHONY: clients
clients: $(PYTHON_STAMP) $(JDBC_STAMP)

# A virtual environment names itself by its path, so it is made where it stays, and only its stamp comes last.
$(PYTHON_STAMP): $(CLIENT_SUITES)/requirements.txt
	rm -rf $(CLIENTS)/venv
	mkdir -p $(CLIENTS)
	python3 -m venv $(CLIENTS)/venv
	$(CLIENTS)/venv/bin/pip install -q --disable-pip-version-check --no-deps --only-binary :all: -r $<
	touch $@

$(JDBC_STAMP): $(CLIENT_SUITES)/jdbc/pom.xml $(CLIENT_SUITES)/jdbc/JdbcSuite.java
	rm -rf $(CLIENTS)/jdbc.new
	mkdir -p $(CLIENTS)/jdbc.new
	$(MVN) -q -B -f $< dependency:copy-dependencies -DincludeScope=runtime \
	  -DoutputDirectory=$(abspath $(CLIENTS))/jdbc.new/libs
	javac -cp '$(CLIENTS)/jdbc.new/libs/*' -d $(CLIENTS)/jdbc.new/classes $(CLIENT_SUITES)/jdbc/JdbcSuite.java
	rm -rf $(CLIENTS)/jdbc
	mv $(CLIENTS)/jdbc.new $(CLIENTS)/jdbc
	touch $@

# ---------------------------------------------------------------------------------------------------------------- front end

WEB         := console/web
WEB_MODULES := $(WEB)/node_modules/.complete
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) \
               $(wildcard $(WEB)/*.html $(WEB)/*.json $(WEB)/*.cjs $(WEB)/*.ts)
BROWSER         := tests/browser
BROWSER_MODULES := $(BROWSER)/node_modules/.complete
PROVIDER         := tests/provider
PROVIDER_MODULES := $(PROVIDER)/node_modules/.complete

.PHONY: web
web: $(WEB)/dist/index.html ## Builds the front end into console/web/dist.

# npm removes node_modules before it fills it, and the stamp with it.
%/node_modules/.complete: %/package.json %/package-lock.json %/.npmrc
	(cd $* && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 $(NPM) ci)
	touch $@
.SECONDARY: $(WEB_MODULES) $(BROWSER_MODULES) $(PROVIDER_MODULES)

$(WEB)/dist/index.html: $(WEB_MODULES) $(WEB_SOURCES)
	(cd $(WEB) && $(NPM) run build -- --outDir dist.new --emptyOutDir)
	rm -rf $(WEB)/dist
	mv $(WEB)/dist.new $(WEB)/dist
	touch $@

# ------------------------------------------------------------------------------------------------------------------- tests

# The whole-platform suites of tests/e2e and tests/faults are tests like any other; they run target/debug/vonggac. Here a missing
# server is a failure; with a bare `cargo test` they say that they skip. One profile and one set of packages, so that nothing is
# compiled twice.
.PHONY: test test-rust test-web audit authorisation faults hostile lint format bench fuzz clean
test: test-deps servers clients web test-web test-rust ## Builds and passes every test: unit, whole platform, faults, browser.
	@echo 'make test: all passed'

test-rust: $(BROWSER_MODULES) $(PROVIDER_MODULES)
	$(CARGO) fmt --all --check
	$(CARGO) build --locked --workspace --bins --examples --tests
	VONGGAC_TEST_SERVERS=required VONGGAC_SERVERS=$(abspath $(SERVERS)) VONGGAC_CLIENTS=$(abspath $(CLIENTS)) \
	  $(CARGO) test --locked --workspace --no-fail-fast $(TEST_FLAGS)

# The long forms of the audit log's tests, whose short forms are in `make test`.
audit: ## Tries every change to an audit log of 1,000 entries, and a second verifier on 1,000 random logs.
	VONGGAC_AUDIT_STEP=1 VONGGAC_AUDIT_LOGS=1000 $(CARGO) test --locked -p vonggac-audit -- --nocapture

# The long form of the console's authorisation suite: a thousand calls about what is foreign beside what is absent.
authorisation: ## Compares the times of answers about what is foreign and what is not there, 1,000 calls of each.
	VONGGAC_TIMING=1000 VONGGAC_TEST_SERVERS=required $(CARGO) test --locked -p vonggac-server authorisation -- --nocapture

# The long form of the questions that organisations and a drill ask about each other's events. VONGGAC_FOREIGN_SEED asks others.
.PHONY: foreign
foreign: deps servers ## Asks 100,000 random questions of events by those who may not see them all; an hour and a half.
	VONGGAC_FOREIGN_QUERIES=$${VONGGAC_FOREIGN_QUERIES:-100000} VONGGAC_TEST_SERVERS=required VONGGAC_SERVERS=$(abspath $(SERVERS)) \
	  $(CARGO) test --locked --workspace --lib foreign -- --nocapture

.PHONY: journeys
journeys: deps test-deps servers web ## Walks the journeys of people at the console in a browser; six minutes on a quiet machine.
	$(CARGO) build --locked --workspace --bins --examples --tests
	VONGGAC_JOURNEYS=1 VONGGAC_TEST_SERVERS=required VONGGAC_SERVERS=$(abspath $(SERVERS)) \
	  $(CARGO) test --locked --workspace --test browser the_journeys -- --nocapture

# The long forms of tests/faults, whose short forms are in `make test`; the numbers below may be set. VONGGAC_FAULTS_SEED runs one again.
FAULTS := kill audit pipelines outage log hanging disk times refused
faults: deps servers web ## Runs the long fault tests: 200 kills and stops, 100 moves of partitions, ten minutes without ClickHouse.
	$(CARGO) build --locked --workspace --bins --examples --tests
	export VONGGAC_TEST_SERVERS=required VONGGAC_SERVERS=$(abspath $(SERVERS))
	export VONGGAC_FAULTS_KILLS=$${VONGGAC_FAULTS_KILLS:-200}
	export VONGGAC_FAULTS_MOVES=$${VONGGAC_FAULTS_MOVES:-100}
	export VONGGAC_FAULTS_OUTAGE=$${VONGGAC_FAULTS_OUTAGE:-600}
	$(CARGO) test --locked --workspace --no-fail-fast $(FAULTS:%=--test %) -- --nocapture
	echo 'make faults: all passed'

# The long forms of tests/hostile: each capture of the corpus cut at every place, and floods of millions of frames beside their budgets.
hostile: ## Runs the long hostile suites: captures cut, damaged and chunked; floods with their memory and time.
	export VONGGAC_HOSTILE=full
	$(CARGO) test --release --locked -p vonggac-hostile -- --nocapture
	$(CARGO) run --release --locked -p vonggac-hostile --example floods
	echo 'make hostile: all passed'

test-web: $(WEB_MODULES)
	cd $(WEB) && $(NPM) test

lint: $(WEB)/dist/index.html $(BROWSER_MODULES) ## Checks form: rustfmt, clippy, rustdoc, the front end's linter, cargo-deny if it is there.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items
	(cd $(WEB) && $(NPM) run lint)
	(cd $(BROWSER) && $(NPM) run check)
	if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check; \
	  else echo 'make: cargo-deny is not installed; licences and advisories were not checked'; fi

format: $(WEB_MODULES) ## Brings the sources into form.
	$(CARGO) fmt --all
	cd $(WEB) && $(NPM) run format

bench: deps servers build ## Prints packets/s, events/s, rows/s, the time from packet to alert; with VONGGAC_CORPUS also processor time beside Suricata's.
	$(CARGO) run --release --locked -p vonggac-bench -- $(BENCH_FLAGS)

fuzz: ## Runs each fuzz target for FUZZ_SECONDS; needs a nightly compiler and cargo-fuzz.
	@cd tests/fuzz
	$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || {
	  echo 'make: needs a nightly compiler (rustup toolchain install nightly) and cargo-fuzz (cargo install cargo-fuzz)' >&2; exit 1; }
	for target in $$($(CARGO) +nightly fuzz list --fuzz-dir .); do
	  mkdir -p corpus/$$target
	  $(CARGO) +nightly fuzz run --fuzz-dir . $$target corpus/$$target seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=8192
	done

clean: ## Removes everything that was built or fetched; data directories stay.
	$(CARGO) clean
	rm -rf $(SERVERS) $(CLIENTS) $(WEB)/dist $(WEB)/dist.new $(WEB)/node_modules $(BROWSER)/node_modules tests/fuzz/target
