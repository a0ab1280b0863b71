# The commands that users and CI meet; each installs what it needs on a fresh Debian machine.
.PHONY: up test soak fuzz bench build web check clean

# With STORE=questdb the readings are in a QuestDB that it installs and starts.
up: build
ifeq ($(STORE),questdb)
	scripts/install-tools questdb
	scripts/up-questdb --demo
else
	target/release/nhip up --demo
endif

test:
	scripts/test

# The property tests with other cases and many more of them; a failure prints its seed.
soak:
	PROPTEST_CASES=$(or $(CASES),20000) cargo test --release --workspace --lib --locked

# Each fuzz target for MINUTES (5), or TARGET alone, under libFuzzer; keeps what reaches new code.
fuzz:
	scripts/install-tools test
	KEEP=1 scripts/fuzz $$(($(or $(MINUTES),5) * 60)) $(TARGET)

bench:
	scripts/bench $(ONLY)

build: web
	cargo build --release --locked

web:
	scripts/install-tools run
	scripts/build-web

clean:
	cargo clean
	rm -rf dashboards/web/dist dashboards/web/node_modules
