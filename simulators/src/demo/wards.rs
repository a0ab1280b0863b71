//! The city's wards, communes and special zone.

use crate::name;

/// The list that the registry has, too: one file, so that the places agree.
const WARDS: &str = include_str!("../../../registry/data/hcmc_wards.csv");

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ward {
    /// Its name as a place: `phuong-ben-thanh`.
    pub place: String,
    /// What people call it: `Phường Bến Thành`.
    pub title: &'static str,
    /// Its centre: degrees east.
    pub longitude: f64,
    /// Its centre: degrees north.
    pub latitude: f64,
    /// The radius of a circle of its area, km.
    pub radius_km: f64,
}

/// All of them, in the order of the list.
pub fn wards() -> Vec<Ward> {
    let mut wards: Vec<Ward> = Vec::with_capacity(168);
    for line in WARDS.lines().skip(1) {
        let Some((code, mut ward)) = ward(line) else {
            continue;
        };
        // As the registry does it: Xã Thạnh An and Xã Thanh An differ by a diacritic only.
        if wards.iter().any(|other| other.place == ward.place) {
            ward.place = format!("{}-{code}", ward.place);
        }
        wards.push(ward);
    }
    wards
}

fn ward(line: &'static str) -> Option<(&'static str, Ward)> {
    let mut fields = line.split(',');
    let (code, title) = (fields.next()?, fields.next()?);
    let mut number = |skip| fields.nth(skip)?.trim().parse::<f64>().ok();
    let (latitude, longitude, area_km2) = (number(1)?, number(0)?, number(0)?);
    let ward = Ward {
        place: name::slug(title)?,
        title,
        longitude,
        latitude,
        radius_km: (area_km2 / std::f64::consts::PI).sqrt(),
    };
    Some((code, ward))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_city_has_168_of_them_each_with_its_own_name() {
        let wards = wards();
        assert_eq!(wards.len(), 168);
        let names: BTreeSet<_> = wards.iter().map(|ward| &ward.place).collect();
        assert_eq!(names.len(), 168);
        let island = wards.iter().find(|w| w.title == "Xã Thạnh An").unwrap();
        assert_eq!(island.place, "xa-thanh-an-27676");
        let ward = wards
            .iter()
            .find(|w| w.place == "phuong-ben-thanh")
            .unwrap();
        assert_eq!(ward.title, "Phường Bến Thành");
        assert!((ward.latitude - 10.7713).abs() < 1e-9);
        assert!((ward.longitude - 106.694).abs() < 1e-9);
    }
}
