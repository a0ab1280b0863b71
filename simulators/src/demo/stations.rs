//! Which stations stand where.

use super::{Ward, wards};
use crate::{
    city::{Property, Site, noise},
    fleet::Kind,
};
use serde_json::{Value, json};

/// A station of the demo city.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    /// Its device name: `air-phuong-ben-thanh`.
    pub name: String,
    /// What people call it: `Trạm không khí Phường Bến Thành`.
    pub title: String,
    /// The place it stands in.
    pub place: String,
    /// What kind of station it is.
    pub kind: Kind,
    /// Where it stands.
    pub site: Site,
}

/// How many of each kind stand among a hundred.
const MIX: [(Kind, usize); 6] = [
    (Kind::Air, 30),
    (Kind::Weather, 14),
    (Kind::Water, 10),
    (Kind::Noise, 15),
    (Kind::Light, 16),
    (Kind::Traffic, 15),
];

/// Wards along the Sài Gòn, Đồng Nai, Nhà Bè and Lòng Tàu rivers and the big canals.
const RIVERSIDE: [&str; 32] = [
    "phuong-sai-gon",
    "phuong-thu-dau-mot",
    "xa-nha-be",
    "phuong-binh-thanh",
    "xa-can-gio",
    "phuong-xom-chieu",
    "phuong-cat-lai",
    "phuong-lai-thieu",
    "phuong-vung-tau",
    "xa-hiep-phuoc",
    "phuong-tan-thuan",
    "phuong-an-khanh",
    "phuong-hiep-binh",
    "xa-binh-khanh",
    "phuong-phu-thuan",
    "phuong-binh-quoi",
    "xa-thanh-an-27676",
    "phuong-long-phuoc",
    "phuong-thanh-my-tay",
    "xa-an-thoi-dong",
    "phuong-an-phu-dong",
    "phuong-long-truong",
    "xa-binh-my",
    "phuong-khanh-hoi",
    "xa-long-son",
    "phuong-chanh-hung",
    "xa-phu-hoa-dong",
    "phuong-vinh-hoi",
    "phuong-tan-uyen",
    "phuong-binh-dong",
    "phuong-phu-an",
    "xa-dau-tieng",
];

/// So many stations, spread over the wards by a seed. The first of them are the same however
/// many there are.
pub fn stations(count: usize, seed: u64) -> Vec<Station> {
    let wards = wards();
    let shuffled = |kind: Kind| -> Vec<&Ward> {
        let river: Vec<&Ward> = RIVERSIDE
            .iter()
            .filter_map(|place| wards.iter().find(|ward| ward.place == *place))
            .collect();
        if kind == Kind::Water {
            return river;
        }
        let mut all: Vec<&Ward> = wards.iter().collect();
        all.sort_by_key(|ward| noise::hash_name(seed ^ kind as u64, &ward.place));
        all
    };
    let places = Kind::ALL.map(shuffled);
    let mut used = [0; Kind::ALL.len()];
    kinds()
        .take(count)
        .map(|kind| {
            let (places, used) = (&places[kind as usize], &mut used[kind as usize]);
            let (ward, round) = (places[*used % places.len()], *used / places.len());
            *used += 1;
            station(kind, ward, round, seed)
        })
        .collect()
}

/// The kinds in the proportions of the mix, evenly interleaved, for ever.
fn kinds() -> impl Iterator<Item = Kind> {
    let total: usize = MIX.iter().map(|(_, weight)| weight).sum();
    let mut credit = MIX.map(|_| 0_isize);
    std::iter::repeat_with(move || {
        for (credit, (_, weight)) in credit.iter_mut().zip(MIX) {
            *credit += weight as isize;
        }
        let richest = (0..MIX.len()).max_by_key(|at| (credit[*at], MIX.len() - at));
        let richest = richest.unwrap_or_default();
        credit[richest] -= total as isize;
        MIX[richest].0
    })
}

fn station(kind: Kind, ward: &Ward, round: usize, seed: u64) -> Station {
    let number = if round == 0 {
        String::new()
    } else {
        format!("-{}", round + 1)
    };
    let name = format!("{}-{}{number}", kind.slug(), ward.place);
    let id = noise::hash_name(seed, &name);
    let angle = noise::unit(id, &[1]) * std::f64::consts::TAU;
    let away_km = noise::unit(id, &[2]).sqrt() * 0.55 * ward.radius_km.min(4.0);
    let longitude = ward.longitude + away_km * angle.cos() / 109.3;
    let latitude = ward.latitude + away_km * angle.sin() / 110.6;
    Station {
        title: format!(
            "{} {}{}",
            kind.title(),
            ward.title,
            number.replace('-', " ")
        ),
        place: ward.place.clone(),
        kind,
        site: Site::new(
            (longitude * 1e5).round() / 1e5,
            (latitude * 1e5).round() / 1e5,
            id,
        ),
        name,
    }
}

impl Station {
    /// The body that registers it: `PUT /api/v1/devices/{device}`.
    pub fn registration(&self) -> Value {
        let datastreams: Vec<Value> = self.kind.properties().iter().map(datastream).collect();
        json!({
            "title": self.title,
            "position": {
                "type": "Point",
                "coordinates": [self.site.longitude, self.site.latitude],
            },
            "place": self.place,
            "simulated": true,
            "datastreams": datastreams,
        })
    }
}

fn datastream(property: &Property) -> Value {
    let (min, max) = property.range();
    json!({
        "name": property.name(),
        "property": property.name(),
        "unit": property.unit(),
        "range": {"min": min, "max": max},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn stations_have_names_of_their_own_and_stand_in_their_wards() {
        let wards: BTreeMap<_, _> = wards().into_iter().map(|w| (w.place.clone(), w)).collect();
        let stations = stations(1_000, 7);
        let names: BTreeSet<_> = stations.iter().map(|station| &station.name).collect();
        assert_eq!(names.len(), 1_000);
        for station in &stations {
            assert!(name_is_fine(&station.name), "{}", station.name);
            let ward = &wards[&station.place];
            let north_km = (station.site.latitude - ward.latitude) * 110.6;
            let east_km = (station.site.longitude - ward.longitude) * 109.3;
            assert!(
                north_km.hypot(east_km) <= ward.radius_km,
                "{}",
                station.name
            );
        }
    }

    #[test]
    fn gauges_stand_at_rivers_and_every_kind_is_there() {
        let wards: BTreeSet<_> = wards().into_iter().map(|ward| ward.place).collect();
        assert!(RIVERSIDE.iter().all(|place| wards.contains(*place)));
        let stations = stations(300, 1);
        for kind in Kind::ALL {
            let of_kind = stations.iter().filter(|station| station.kind == kind);
            let share = of_kind.clone().count();
            assert!((29..=91).contains(&share), "{kind:?} {share}");
            for station in of_kind.filter(|station| station.kind == Kind::Water) {
                assert!(RIVERSIDE.contains(&&*station.place));
            }
        }
    }

    #[test]
    fn a_larger_city_keeps_the_stations_of_a_smaller_one() {
        assert_eq!(stations(300, 5)[..40], stations(40, 5));
        assert_ne!(stations(40, 5), stations(40, 6));
    }

    #[test]
    fn registers_as_the_contract_says() {
        let body = stations(1, 1)[0].registration();
        assert_eq!(body["simulated"], true);
        assert_eq!(body["position"]["type"], "Point");
        assert!(body["position"]["coordinates"][0].as_f64().unwrap() > 106.0);
        assert!(
            body["title"]
                .as_str()
                .unwrap()
                .starts_with("Trạm không khí ")
        );
        assert_eq!(body["datastreams"][0]["unit"], "ug/m3");
    }

    fn name_is_fine(text: &str) -> bool {
        crate::name::is_name(text)
    }
}
