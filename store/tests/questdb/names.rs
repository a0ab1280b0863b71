//! The table of names, as a person asks it.

use crate::kit::{Bench, eventually, open, rows, store_all};
use nhip_store::{SeriesId, SeriesNames};

#[test]
fn readings_are_asked_for_by_name() {
    let bench = Bench::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &bench.config);
    store_all(&store, &rows(0..10));
    let mut names = SeriesNames {
        series: SeriesId(1),
        device: "station-1".to_owned(),
        title: Some("Cầu Bình Lợi".to_owned()),
        datastream: "level".to_owned(),
        property: "water_level".to_owned(),
        unit: "m".to_owned(),
        place: Some("binh-loi-trung".to_owned()),
        position: Some((106.71, 10.82)),
        is_retired: false,
    };
    store.write_names(&[names.clone()]).unwrap();
    let count = |place: &str| {
        bench.ask(&format!(
            "SELECT count() FROM readings r JOIN datastreams d ON r.series = d.series \
             WHERE d.place = '{place}' AND d.property = 'water_level'"
        ))
    };
    eventually("the names to be shown", || {
        (count("binh-loi-trung") == ["10"]).then_some(())
    });
    // It is moved: its row is replaced.
    names.place = Some("an-nhon".to_owned());
    store.write_names(&[names.clone(), names]).unwrap();
    eventually("the new place to be shown", || {
        (count("an-nhon") == ["10"]).then_some(())
    });
    assert_eq!(bench.ask("SELECT count() FROM datastreams"), ["1"]);
    assert_eq!(bench.ask("SELECT title FROM datastreams"), ["Cầu Bình Lợi"]);
}
