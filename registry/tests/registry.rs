//! The registry on a real database: what is registered, found, changed and read back.
#![expect(clippy::unwrap_used, reason = "a failure to set up is a failed test")]

use nhip_registry::{
    BoundingBox, Config, DeviceUpdate, Near, NewDatastream, Position, Range, Registry,
    RegistryError, Selection, SeriesId,
};

fn open(folder: &std::path::Path, config: Config) -> Registry {
    let database = fjall::Database::builder(folder).open().unwrap();
    Registry::open(&database, config).unwrap()
}

fn stream(name: &str) -> NewDatastream {
    NewDatastream {
        name: name.into(),
        ..NewDatastream::default()
    }
}

fn at(longitude: f64, latitude: f64) -> DeviceUpdate {
    DeviceUpdate {
        position: Some(Position {
            longitude,
            latitude,
        }),
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
        place: Some("phuong-phu-loi".into()),
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
        place: Some("phuong-khong-co".into()),
        ..DeviceUpdate::default()
    };
    let error = registry
        .put_device("a", &nowhere, 300, NO_READINGS)
        .unwrap_err();
    assert!(matches!(error, RegistryError::Value { field: "place", .. }));
}

#[test]
fn the_unit_of_stored_readings_stays_and_their_range_keeps_its_past() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path(), Config::default());
    let put = |unit: &str, max: f64| DeviceUpdate {
        datastreams: vec![NewDatastream {
            name: "level".into(),
            unit: Some(unit.into()),
            range: Some(Range { min: 0.0, max }),
            ..NewDatastream::default()
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
    assert!(matches!(error, RegistryError::UnitFixed { .. }), "{error}");
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
        update.datastreams = vec![stream("rain"), stream(&format!("pm10_{}", number % 3))];
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
    let database = fjall::Database::builder(folder.path()).open().unwrap();
    let devices = database
        .keyspace("registry.devices", fjall::KeyspaceCreateOptions::default)
        .unwrap();
    devices.insert(0u32.to_be_bytes(), r#"{"v":2}"#).unwrap();
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
