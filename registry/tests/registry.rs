//! The registry on a real database: what is registered, found, changed and read back.
#![expect(clippy::unwrap_used, reason = "a failure to set up is a failed test")]

use nhip_database::{Database, KeyspaceCreateOptions};
use nhip_registry::{
    BoundingBox, Config, DatastreamUpdate, Device, DeviceUpdate, Near, NewDatastream, Position,
    Range, Registry, RegistryError, Selection, SeriesId,
};

fn open(folder: &std::path::Path, config: Config) -> Registry {
    let database = Database::open(folder, &Default::default()).unwrap();
    Registry::open(&database, config).unwrap()
}

fn stream(name: &str) -> NewDatastream {
    NewDatastream {
        name: name.into(),
        ..NewDatastream::default()
    }
}

fn named(name: String) -> DatastreamUpdate {
    DatastreamUpdate {
        name,
        ..DatastreamUpdate::default()
    }
}

fn at(longitude: f64, latitude: f64) -> DeviceUpdate {
    DeviceUpdate {
        position: Some(Some(Position {
            longitude,
            latitude,
        })),
        ..DeviceUpdate::default()
    }
}

const NO_READINGS: &dyn Fn(SeriesId) -> bool = &|_| false;

#[test]
fn registering_twice_gives_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let device = registry.register_device("tram-1", 5).unwrap();
    assert_eq!(registry.register_device("tram-1", 9).unwrap(), device);
    let first = registry
        .register_datastream(device.id, stream("pm2_5"), 6)
        .unwrap();
    let version = registry.version();
    let again = registry
        .register_datastream(device.id, stream("pm2_5"), 7)
        .unwrap();
    assert_eq!((again, registry.version()), (first.clone(), version));
    assert_eq!((&*first.property, &*first.unit), ("pm2_5", "ug/m3"));
    assert_eq!(registry.datastream(first.series), Some(first));
}

#[test]
fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let registry = open(folder.path(), Config::default());
        for number in 0..20 {
            let device = registry
                .register_device(&format!("d{number}"), number)
                .unwrap();
            registry
                .register_datastream(device.id, stream("noise"), number)
                .unwrap();
            registry
                .register_datastream(device.id, stream("rain_2"), number)
                .unwrap();
        }
        registry
            .put_device("d3", &at(106.698, 10.772), 50, NO_READINGS)
            .unwrap();
        registry.retire_device("d4", 60).unwrap();
        registry.devices(None, 100)
    };
    let registry = open(folder.path(), Config::default());
    assert_eq!(registry.devices(None, 100), before);
    assert_eq!(registry.datastream_count(), 40);
}

#[test]
fn bounds_refuse_one_more() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        devices_max: 2,
        datastreams_per_device_max: 1,
        ..Config::default()
    };
    let registry = open(folder.path(), config);
    let device = registry.register_device("a", 0).unwrap();
    registry.register_device("b", 0).unwrap();
    let third = registry.register_device("c", 0).unwrap_err();
    assert!(
        matches!(third, RegistryError::Limit { max: 2, .. }),
        "{third}"
    );
    registry
        .register_datastream(device.id, stream("x"), 0)
        .unwrap();
    let second = registry
        .register_datastream(device.id, stream("y"), 0)
        .unwrap_err();
    assert!(
        matches!(second, RegistryError::Limit { max: 1, .. }),
        "{second}"
    );
}

#[test]
fn hostile_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    for name in ["x'; DROP TABLE t;--", "..", "a/b", "Đèn", "", "<script>"] {
        let error = registry.register_device(name, 0).unwrap_err();
        assert!(
            matches!(error, RegistryError::Name { .. }),
            "{name}: {error}"
        );
        let rule = "names match [a-z0-9][a-z0-9_.-]{0,62}";
        assert!(error.to_string().ends_with(rule), "{error}");
    }
    assert_eq!(registry.device_count(), 0);
}

#[test]
fn a_position_finds_its_ward_and_a_move_keeps_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let ward = registry.place("phuong-ben-thanh").unwrap().position;
    let put = at(ward.longitude, ward.latitude);
    let first = registry.put_device("a", &put, 100, NO_READINGS).unwrap();
    assert!(first.created);
    assert_eq!(first.device.place.as_deref(), Some("phuong-ben-thanh"));
    assert!(first.device.earlier.is_empty());

    let moved = DeviceUpdate {
        place: Some(Some("phuong-phu-loi".into())),
        ..DeviceUpdate::default()
    };
    let device = registry
        .put_device("a", &moved, 200, NO_READINGS)
        .unwrap()
        .device;
    let place_at = |time_us| device.placing_at(time_us).0.map(|place| &**place);
    assert_eq!(place_at(50), Some("phuong-ben-thanh"));
    assert_eq!(place_at(199), Some("phuong-ben-thanh"));
    assert_eq!(place_at(200), Some("phuong-phu-loi"));

    let nowhere = DeviceUpdate {
        place: Some(Some("phuong-khong-co".into())),
        ..DeviceUpdate::default()
    };
    let error = registry
        .put_device("a", &nowhere, 300, NO_READINGS)
        .unwrap_err();
    assert!(matches!(error, RegistryError::Value { field: "place", .. }));
}

#[test]
fn an_update_changes_what_it_mentions_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let put = |update: DeviceUpdate, at_us| {
        let applied = registry.put_device("a", &update, at_us, NO_READINGS);
        applied.unwrap().device
    };
    let whole = DeviceUpdate {
        title: Some(Some("Cầu Sài Gòn".into())),
        simulated: Some(true),
        datastreams: vec![DatastreamUpdate {
            property: Some("water_level".into()),
            unit: Some("cm".into()),
            range: Some(Some(Range {
                min: -200.0,
                max: 500.0,
            })),
            categories: Some([(1, "dry".into())].into()),
            ..named("level".into())
        }],
        ..at(106.698, 10.772)
    };
    let before = put(whole, 10);
    assert_eq!(put(DeviceUpdate::default(), 20), before);
    let only_named = DeviceUpdate {
        datastreams: vec![named("level".into())],
        ..DeviceUpdate::default()
    };
    assert_eq!(put(only_named, 30), before);

    let other_unit = DeviceUpdate {
        datastreams: vec![DatastreamUpdate {
            unit: Some("m".into()),
            ..named("level".into())
        }],
        ..DeviceUpdate::default()
    };
    let metres = &put(other_unit.clone(), 40).datastreams[0];
    let range = Range {
        min: -2.0,
        max: 5.0,
    };
    assert_eq!((metres.range, metres.categories.len()), (Some(range), 1));

    let cleared = DeviceUpdate {
        title: Some(None),
        place: Some(None),
        position: Some(None),
        simulated: Some(false),
        datastreams: vec![DatastreamUpdate {
            range: Some(None),
            categories: Some([].into()),
            ..named("level".into())
        }],
        ..DeviceUpdate::default()
    };
    let after = put(cleared, 50);
    assert_eq!(
        (&after.title, &after.place, after.position),
        (&None, &None, None)
    );
    assert!(!after.simulated && after.datastreams[0].categories.is_empty());
    // What is plausible for a water level.
    assert_eq!(after.datastreams[0].range.unwrap().max, 500.0);
    assert_eq!(after.earlier[0].place.as_deref(), Some("phuong-ben-thanh"));
}

#[test]
fn a_change_holds_from_the_date_it_gives() {
    const DAY_US: i64 = 86_400_000_000;
    let now = 20_000 * DAY_US;
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let put = |place: &str, max: f64, from_us: Option<i64>, at_us: i64| {
        let update = DeviceUpdate {
            from_us,
            place: Some(Some(place.into())),
            datastreams: vec![DatastreamUpdate {
                range: Some(Some(Range { min: 0.0, max })),
                ..named("level".into())
            }],
            ..DeviceUpdate::default()
        };
        registry.put_device("a", &update, at_us, NO_READINGS)
    };
    let history = |device: &Device| {
        let level = &device.datastreams[0];
        let placed = device
            .earlier
            .iter()
            .map(|at| at.from_us)
            .chain([device.placed_us]);
        let ranged = level
            .earlier
            .iter()
            .map(|at| at.from_us)
            .chain([level.since_us]);
        let placed: Vec<i64> = placed.map(|us| us / DAY_US).collect();
        assert_eq!(placed, ranged.map(|us| us / DAY_US).collect::<Vec<_>>());
        placed
    };
    let (here, there) = ("phuong-ben-thanh", "phuong-phu-loi");
    put(here, 1.0, Some(now - 9 * DAY_US), now).unwrap();
    put(there, 2.0, Some(now - 5 * DAY_US), now).unwrap();
    let three = put(here, 3.0, Some(now - 2 * DAY_US), now).unwrap().device;
    assert_eq!(history(&three), [19_991, 19_995, 19_998]);
    let max_at = |device: &Device, day: i64| {
        device.datastreams[0]
            .range_at(day * DAY_US)
            .map(|range| range.max)
    };
    assert_eq!(max_at(&three, 19_996), Some(2.0));
    // The same, but sooner; then a correction of all that was said since day 19,995.
    let sooner = put(here, 3.0, Some(now - 3 * DAY_US), now).unwrap().device;
    assert_eq!(history(&sooner), [19_991, 19_995, 19_997]);
    let device = put(there, 4.0, Some(now - 5 * DAY_US), now).unwrap().device;
    assert_eq!(history(&device), [19_991, 19_995]);
    assert_eq!(
        (max_at(&device, 19_994), max_at(&device, 19_999)),
        (Some(1.0), Some(4.0))
    );
    assert_eq!(
        device.placing_at(19_994 * DAY_US).0.map(|place| &**place),
        Some(here)
    );
    // Nothing new is said: nothing changes.
    assert_eq!(put(there, 4.0, Some(now), now).unwrap().device, device);
    let always = put(here, 5.0, Some(11_000 * DAY_US), now).unwrap().device;
    assert_eq!(history(&always), [11_000]);

    for from_us in [now + DAY_US, 946_684_800_000_000 - 1, -1] {
        let error = put(here, 1.0, Some(from_us), now).unwrap_err();
        assert!(matches!(error, RegistryError::Value { field: "from", .. }));
    }
}

#[test]
fn the_past_is_kept_up_to_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        history_max: 2,
        ..Config::default()
    };
    let registry = open(folder.path(), config);
    let put =
        |longitude: f64, at_us| registry.put_device("a", &at(longitude, 10.77), at_us, NO_READINGS);
    for number in 0..3 {
        put(106.7 + f64::from(number) / 100.0, i64::from(number)).unwrap();
    }
    assert!(matches!(
        put(106.6, 9).unwrap_err(),
        RegistryError::Limit { .. }
    ));
    assert_eq!(registry.device("a").unwrap().earlier.len(), 2);
}

#[test]
fn a_range_that_nobody_gave_follows_property_and_unit() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let put = |property: &str, unit: &str| {
        let update = DeviceUpdate {
            datastreams: vec![DatastreamUpdate {
                property: Some(property.into()),
                unit: Some(unit.into()),
                ..named("x".into())
            }],
            ..DeviceUpdate::default()
        };
        let applied = registry.put_device("a", &update, 1, NO_READINGS).unwrap();
        applied.device.datastreams[0].range.map(|range| range.max)
    };
    assert_eq!(put("humidity", "%"), Some(110.0));
    assert_eq!(put("wind_speed", "m/s"), Some(150.0));
    assert_eq!(put("wind_speed", "km/h"), None);
}

#[test]
fn the_unit_of_stored_readings_stays_and_their_range_keeps_its_past() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let put = |unit: &str, max: f64| DeviceUpdate {
        datastreams: vec![DatastreamUpdate {
            name: "level".into(),
            unit: Some(unit.into()),
            range: Some(Some(Range { min: 0.0, max })),
            ..DatastreamUpdate::default()
        }],
        ..DeviceUpdate::default()
    };
    registry
        .put_device("a", &put("cm", 100.0), 10, NO_READINGS)
        .unwrap();
    registry
        .put_device("a", &put("m", 1.0), 20, NO_READINGS)
        .unwrap();
    let error = registry
        .put_device("a", &put("cm", 1.0), 30, &|_| true)
        .unwrap_err();
    let RegistryError::Datastream { at: 0, error } = error else {
        panic!("{error}");
    };
    assert!(matches!(*error, RegistryError::UnitFixed { .. }), "{error}");
    let device = registry
        .put_device("a", &put("m", 3.0), 40, &|_| true)
        .unwrap()
        .device;
    let level = &device.datastreams[0];
    let max_at = |time_us| level.range_at(time_us).unwrap().max;
    assert_eq!((max_at(5), max_at(25), max_at(45)), (100.0, 1.0, 3.0));
    assert_eq!(registry.datastream(level.series).as_ref(), Some(level));
}

#[test]
fn a_retired_device_is_left_out_until_it_is_put_again() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let device = registry.register_device("a", 0).unwrap();
    let series = registry
        .register_datastream(device.id, stream("rain"), 0)
        .unwrap()
        .series;
    registry.retire_device("a", 5).unwrap();
    let all = Selection::default();
    assert!(registry.select(&all).is_empty() && !registry.selects(&all, series));
    let with_retired = Selection {
        retired: true,
        ..Selection::default()
    };
    assert_eq!(registry.select(&with_retired), [series]);
    registry
        .put_device("a", &DeviceUpdate::default(), 6, NO_READINGS)
        .unwrap();
    assert_eq!(registry.select(&all), [series]);
    let error = registry.retire_device("b", 7).unwrap_err();
    assert!(matches!(error, RegistryError::Unknown { .. }));
}

#[test]
fn selections_agree_with_asking_for_each_series() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let wards = registry.places();
    for (number, ward) in wards.iter().enumerate().take(40) {
        let mut update = at(ward.position.longitude, ward.position.latitude);
        update.datastreams = ["rain".into(), format!("pm10_{}", number % 3)]
            .map(named)
            .to_vec();
        registry
            .put_device(&format!("d{number}"), &update, 0, NO_READINGS)
            .unwrap();
    }
    let centre = wards[3].position;
    let near = Near::new(centre.longitude, centre.latitude, 8_000.0).unwrap();
    let bbox = BoundingBox::new(106.5, 10.7, 106.8, 10.9).unwrap();
    let base = Selection::default();
    let selections = [
        base.clone(),
        Selection {
            device: Some("d7".into()),
            ..base.clone()
        },
        Selection {
            device: Some("none".into()),
            ..base.clone()
        },
        Selection {
            property: Some("pm10".into()),
            ..base.clone()
        },
        Selection {
            datastream: Some("pm10_1".into()),
            ..base.clone()
        },
        Selection {
            place: Some(wards[5].name.to_string()),
            ..base.clone()
        },
        Selection {
            near: Some(near),
            ..base.clone()
        },
        Selection {
            bbox: Some(bbox),
            property: Some("rain".into()),
            ..base
        },
    ];
    let mut sizes = Vec::new();
    for selection in selections {
        let found = registry.select(&selection);
        let asked: Vec<SeriesId> = (0..80)
            .map(SeriesId)
            .filter(|series| registry.selects(&selection, *series))
            .collect();
        assert_eq!(found, asked, "{selection:?}");
        sizes.push(found.len());
    }
    assert_eq!(sizes[..6], [80, 2, 0, 40, 13, 2]);
    assert!(sizes[6] >= 2 && sizes[7] >= 1, "{sizes:?}");
}

#[test]
fn devices_page_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    for name in ["c", "a", "b", "d"] {
        registry.register_device(name, 0).unwrap();
    }
    let names = |after, limit| -> Vec<String> {
        let devices = registry.devices(after, limit);
        devices
            .iter()
            .map(|device| device.name.to_string())
            .collect()
    };
    assert_eq!(names(None, 2), ["a", "b"]);
    assert_eq!(names(Some("b"), 5), ["c", "d"]);
    assert_eq!(names(Some("d"), 5), Vec::<String>::new());
}

#[test]
fn a_record_of_a_later_version_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &Default::default()).unwrap();
    let devices = database
        .keyspace("registry.devices", KeyspaceCreateOptions::default)
        .unwrap();
    let mut batch = database.batch();
    batch.insert(&devices, 0u32.to_be_bytes(), r#"{"v":2}"#);
    batch.commit(None).unwrap();
    let error = Registry::open(&database, Config::default()).err().unwrap();
    assert!(error.to_string().contains("version is 2"), "{error}");
}

#[test]
fn amendments_are_told_once_and_registrations_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let device = registry.register_device("a", 0).unwrap();
    registry
        .put_device("b", &DeviceUpdate::default(), 1, NO_READINGS)
        .unwrap();
    assert_eq!(registry.amended_since(0).devices, Some(vec![]));
    registry
        .put_device("a", &at(106.7, 10.77), 2, NO_READINGS)
        .unwrap();
    let amended = registry.amended_since(0);
    assert_eq!(amended.devices, Some(vec![device.id]));
    assert_eq!(registry.amended_since(amended.seen).devices, Some(vec![]));
}

#[test]
fn a_disk_that_is_nearly_full_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = nhip_database::Config {
        free_bytes_min: u64::MAX,
        ..Default::default()
    };
    let database = Database::open(folder.path(), &bounds).unwrap();
    let registry = Registry::open(&database, Config::default()).unwrap();
    let refused = registry.register_device("a", 0).unwrap_err();
    assert!(
        matches!(refused, RegistryError::Unavailable(_)),
        "{refused}"
    );
    assert!(registry.device("a").is_none());
}
