//! The conformance suite on the embedded store.

use nhip_database::Database;
use nhip_store::conformance::{Subject, run_all};
use nhip_store::{Config, EmbeddedStore, Metrics};

/// Random histories that are compared with the model.
const SEEDS: u64 = 8;

struct Embedded {
    folder: tempfile::TempDir,
    config: Config,
}

impl Subject for Embedded {
    type Store = EmbeddedStore;

    #[expect(
        clippy::unwrap_used,
        reason = "a test that cannot open its store fails"
    )]
    fn open(&mut self) -> EmbeddedStore {
        let database =
            Database::open(self.folder.path(), &nhip_database::Config::default()).unwrap();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        EmbeddedStore::open(&database, self.config.clone(), metrics).unwrap()
    }
}

#[expect(clippy::unwrap_used, reason = "a test that cannot make a folder fails")]
fn embedded(config: Config) -> impl FnMut() -> Embedded {
    move || Embedded {
        folder: tempfile::tempdir().unwrap(),
        config: config.clone(),
    }
}

#[test]
fn the_embedded_store_conforms() {
    run_all(embedded(Config::default()), SEEDS);
}

#[test]
fn it_conforms_with_tiny_parts_chunks_and_pages() {
    run_all(
        embedded(Config {
            head_bytes_max: 1,
            part_bytes_min: 40,
            part_bytes_max: 300,
            page_bytes: 128,
            chunk_rows_max: 50,
            parts_max: 3,
            ..Config::default()
        }),
        SEEDS,
    );
}
