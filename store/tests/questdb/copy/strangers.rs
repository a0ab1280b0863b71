//! A copy to a server that has tables of somebody else's by our names.

use super::{Folder, assert_has, configs, history};
use crate::kit::Bench;
use crate::strangers::{is_whole, make_strangers};
use nhip_store::{CopyPhase, StoreKind};

#[test]
fn a_copy_empties_no_table_of_somebody_else() {
    let bench = Bench::start(&[]);
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(&path, StoreKind::Embedded, &configs(&bench)).unwrap();
    folder.append(&history());
    folder.checkpoint();
    for table in ["hours", "datastreams"] {
        make_strangers(&bench, table);
        folder.begin(StoreKind::QuestDb, false);
        let problem = folder.stuck();
        let told = format!("a table {table} that is not ours");
        assert!(problem.contains(&told), "{problem}");
        assert!(is_whole(&bench, table));
        assert!(folder.copy.cancel(None).unwrap());
        bench.ask(&format!("DROP TABLE {table}"));
    }
    folder.begin(StoreKind::QuestDb, false);
    assert_eq!(folder.follow().phase, CopyPhase::Following);
    // One that came in the place of ours since then, when the copy is begun once more.
    bench.ask("DROP TABLE hours");
    make_strangers(&bench, "hours");
    assert!(folder.copy.cancel(None).unwrap());
    folder.begin(StoreKind::QuestDb, false);
    let problem = folder.stuck();
    assert!(
        problem.contains("hours is not the one that was made"),
        "{problem}"
    );
    assert!(is_whole(&bench, "hours"));
    assert_has(&folder.store, &history());
}
